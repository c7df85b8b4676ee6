/* The minibatch of a step on a GPU, which finds its rows by the number of the step. Compiled behind kernels.c.
 *
 * The same as `Minibatches.gather`, which takes six kernels. `order` is (steps, N): the rows of each step.
 */

/* taken = those rows of the source: (N, 1, D) from (rows, D). */
KERNEL take_rows(const layout *l, REAL *taken, const REAL *source, const extent *order, const extent *number)
{
    const extent *restrict rows = order + *number * l->outer;
    FOR_EACH_MEMBER(l) {
        REAL *restrict x = AT_A(taken, l);
        const REAL *restrict from = source + rows[i] * l->inner;
        FOR_EACH_VALUE(l)
            x[k] = from[k];
    }
}

/* targets = 1 at the classes of those rows, elsewhere 0: (N, C, 1) from labels (rows,). */
KERNEL take_classes(const layout *l, REAL *targets, const extent *labels, const extent *order, const extent *number)
{
    const extent *restrict rows = order + *number * l->outer;
    FOR_EACH_MEMBER(l)
        FOR_EACH_VALUE(l)
            AT_A(targets, l)[k] = labels[rows[i]] == j;
}
