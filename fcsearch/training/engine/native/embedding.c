/* The periodic embedding of a member's numbers, and the way back. Compiled behind products.c.
 *
 * The same arithmetic as embedding.py; sines are polynomials, so that loops of them become vectors. Here P, K and E are
 * a row's numbers, the frequencies of each and the features that it becomes; D are the values of a row, and F the
 * features that the first layer takes: P * E, and the D - P other values.
 */
#define TWO_PI ((REAL)6.283185307179586476925286766559)

/* sin(2 pi turns) for turns from -1/4 to 1/4: its series, which is exact there to the last bits. */
static inline REAL quarter_sine(REAL turns)
{
    const REAL x = turns * TWO_PI, q = x * x;
    REAL p = (REAL)1.6059043836821614599e-10;
    if (!IS_FLOAT) {
        p = (REAL)1.9572941063391261231e-20;
        p = p * q - (REAL)8.2206352466243297170e-18;
        p = p * q + (REAL)2.8114572543455207632e-15;
        p = p * q - (REAL)7.6471637318198164759e-13;
        p = p * q + (REAL)1.6059043836821614599e-10;
    }
    p = p * q - (REAL)2.5052108385441718775e-8;
    p = p * q + (REAL)2.7557319223985890653e-6;
    p = p * q - (REAL)1.9841269841269841270e-4;
    p = p * q + (REAL)8.3333333333333333333e-3;
    p = p * q - (REAL)1.6666666666666666667e-1;
    return p * q * x + x;
}

/* cos and sin of 2 pi f x for all frequencies of a number. */
static inline void waves_of(REAL x, const REAL *restrict f, REAL *restrict cosines, REAL *restrict sines, extent K)
{
    for (extent k = 0; k < K; k++) {
        const REAL turns = x * f[k];
        const REAL part = turns - (IS_FLOAT ? (REAL)rintf((float)turns) : (REAL)rint((double)turns));
        const REAL size = part < 0 ? -part : part, half = part < 0 ? (REAL)-0.5 : (REAL)0.5;
        cosines[k] = quarter_sine((REAL)0.25 - size);
        sines[k] = quarter_sine(size > (REAL)0.25 ? half - part : part);
    }
}

/* Leaves the features (N, F) of rows x (N, D) in l->features, and returns them. */
static const REAL *embed(const lane *l, const member *p, const REAL *restrict x)
{
    const extent N = l->rows, D = l->width, P = l->numbers, K = l->frequencies, E = l->embedding_dim, F = l->dims[0];
    const REAL *f = p->rest + l->embedding_at[0], *w = p->rest + l->embedding_at[1];
    const REAL *restrict b = p->rest + l->embedding_at[2];
    for (extent number = 0; number < P; number++) {
        REAL *waves = l->waves + number * N * 2 * K;
        for (extent n = 0; n < N; n++)
            waves_of(x[n * D + number], f + number * K, waves + n * 2 * K, waves + n * 2 * K + K, K);
        product_into(l, 'N', 'N', N, E, 2 * K, waves, 2 * K, w + number * 2 * K * E, E, l->features + number * E, F);
    }
    REAL *restrict row = l->features;
    for (extent n = 0; n < N; n++, row += F, x += D) {
        for (extent k = 0; k < P * E; k++) {
            const REAL value = row[k] + b[k];
            row[k] = value <= 0 ? 0 : value;
        }
        for (extent k = 0; k < D - P; k++)
            row[P * E + k] = x[P + k];
    }
    return l->features;
}

/* Leaves the gradients of the embedding in l->drest.
 *
 * dout (N, H) is the gradient by the first layer's output; NULL if that is the scores. `taken` are the features that the
 * layer took, with dropout if there is any. */
static void embed_backward(const lane *l, const member *p, const REAL *x, const REAL *restrict taken, const REAL *dout)
{
    const extent N = l->rows, D = l->width, P = l->numbers, K = l->frequencies, E = l->embedding_dim, F = l->dims[0];
    const extent units = l->dims[1];
    const REAL *w = p->rest + l->embedding_at[1], scale = l->dropped ? l->input_scale : 1;
    REAL *df = l->drest + l->embedding_at[0], *dw = l->drest + l->embedding_at[1];
    if (dout)
        product(l, 'N', 'T', N, P * E, units, dout, units, p->first, units, l->dfeatures);
    else
        product(l, 'T', 'T', N, P * E, units, l->scores, N, p->first, units, l->dfeatures);
    for (extent n = 0; n < N; n++) {
        REAL *restrict d = l->dfeatures + n * P * E;
        for (extent k = 0; k < P * E; k++)
            d[k] = taken[n * F + k] <= 0 ? 0 : d[k] * scale;
    }
    sum_rows(l, l->dfeatures, l->drest + l->embedding_at[2], P * E);
    for (extent number = 0; number < P; number++) {
        const REAL *waves = l->waves + number * N * 2 * K, *own = l->dfeatures + number * E;
        product_into(l, 'T', 'N', 2 * K, E, N, waves, 2 * K, own, P * E, dw + number * 2 * K * E, E);
        product_into(l, 'N', 'T', N, 2 * K, E, own, P * E, w + number * 2 * K * E, E, l->dwaves, 2 * K);
        REAL *restrict sum = df + number * K;
        for (extent k = 0; k < K; k++)
            sum[k] = 0;
        for (extent n = 0; n < N; n++) {
            const REAL *restrict cosines = waves + n * 2 * K, *restrict sines = cosines + K;
            const REAL *restrict dcosines = l->dwaves + n * 2 * K, *restrict dsines = dcosines + K;
            const REAL angle = TWO_PI * x[n * D + number];
            for (extent k = 0; k < K; k++)
                sum[k] += angle * (dsines[k] * cosines[k] - dcosines[k] * sines[k]);
        }
    }
}
