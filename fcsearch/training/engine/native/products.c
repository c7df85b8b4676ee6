/* Products of matrices and sums of rows. Compiled behind losses.c. */

/* c (m, n) = op(a) op(b), over k; 'T' transposes. The distances between rows follow each matrix. */
static void product_into(const lane *l, char op_a, char op_b, extent m, extent n, extent k, const REAL *a, extent row_a,
                         const REAL *b, extent row_b, REAL *c, extent row_c)
{
    const REAL one = 1, zero = 0;
    const int m_ = (int)m, n_ = (int)n, k_ = (int)k, lda = (int)row_a, ldb = (int)row_b, ldc = (int)row_c;
    /* Fortran's matrices are column by column: it sees all of them transposed. */
    l->gemm(&op_b, &op_a, &n_, &m_, &k_, &one, b, &ldb, a, &lda, &zero, c, &ldc);
}

/* The same where the rows of c are one behind the other. */
static void product(const lane *l, char op_a, char op_b, extent m, extent n, extent k, const REAL *a, extent row_a,
                    const REAL *b, extent row_b, REAL *c)
{
    product_into(l, op_a, op_b, m, n, k, a, row_a, b, row_b, c, n);
}

/* dw (inputs, C) = a^T scores^T, with rows of a that lie `row_a` apart; by its transpose, since MKL takes up to eight
 * times as long for a product of few columns on AMD's processors. */
static void product_with_scores(const lane *l, extent inputs, const REAL *a, extent row_a, REAL *restrict dw)
{
    const extent N = l->rows, classes = l->dims[l->layers];
    product(l, 'N', 'N', classes, inputs, N, l->scores, N, a, row_a, l->turned);
    const REAL *restrict turned = l->turned;
    for (extent c = 0; c < classes; c++)
        for (extent i = 0; i < inputs; i++)
            dw[i * classes + c] = turned[c * inputs + i];
}

static void sum_rows(const lane *l, const REAL *restrict d, REAL *restrict out, extent units)
{
    const extent rows = l->rows;
    for (extent k = 0; k < units; k++)
        out[k] = 0;
    for (extent n = 0; n < rows; n++, d += units)
        for (extent k = 0; k < units; k++)
            out[k] += d[k];
}
