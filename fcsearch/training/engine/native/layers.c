/* Hidden layers of a lane between two products, and the softmax's loss: one kernel each on a GPU. Compiled behind kernels.c.
 *
 * The same arithmetic as the torch operations in activations.py and losses.py, which run where it cannot; activations.c and
 * losses.c have it for a CPU. Hidden layers are (rows, M, H), scores (classes, M, rows). Tests compile it for a CPU.
 */
#ifdef __CUDACC__
/* A thread has one value of a member, in all of its rows. */
#define FOR_EACH_COLUMN(l)                                                                                      \
    for (unsigned t = blockIdx.x * blockDim.x + threadIdx.x, inner = (l)->inner, all = (l)->members * inner;    \
         t < all; t += gridDim.x * blockDim.x)                                                                  \
        for (extent j = t / inner, k = t - j * inner, once = 1; once; once = 0)
/* A block has 32 units of a member, of which each warp takes a row at a time; k may lie beyond the last unit. */
#define WARP (threadIdx.x / UNITS)
#define FOR_EACH_UNIT(l)                                                                                        \
    for (unsigned across = ((l)->inner + UNITS - 1) / UNITS, t = blockIdx.x; t < across * (l)->members;         \
         t += gridDim.x)                                                                                        \
        for (int j = t / across, k = t % across * UNITS + threadIdx.x % UNITS, once = 1; once; once = 0)

/* The same in every thread of a unit, and in whatever order warps come. */
static __device__ REAL over_warps(REAL own)
{
    __shared__ REAL parts[WARPS][UNITS];
    parts[WARP][threadIdx.x % UNITS] = own;
    __syncthreads();
    REAL sum = 0;
    for (unsigned warp = 0; warp < WARPS; warp++)
        sum += parts[warp][threadIdx.x % UNITS];
    __syncthreads();
    return sum;
}
#else
#define FOR_EACH_COLUMN(l)                     \
    for (extent j = 0; j < (l)->members; j++)  \
        for (extent k = 0; k < (l)->inner; k++)
#define FOR_EACH_UNIT(l) FOR_EACH_COLUMN(l)
#define WARP 0
#define WARPS 1
#define over_warps(own) (own)
#endif

/* Rows of a unit that are read before the first of them is written: memory answers late. */
#define AHEAD 8
#define FOR_EACH_ROWS(rows, units) \
    for (int first = k < (units) ? WARP : (rows); first < (rows); first += AHEAD * WARPS)
#define FOR_EACH_ROW(rows)                                     \
    for (int u = 0, i = first; u < AHEAD; u++, i += WARPS)     \
        if (i < (rows))

#define EXP(x) (sizeof(REAL) == sizeof(float) ? (REAL)expf((float)(x)) : (REAL)exp((double)(x)))
#define LOG(x) (sizeof(REAL) == sizeof(float) ? (REAL)logf((float)(x)) : (REAL)log((double)(x)))

/* Fields of the layout are copied first: a compiler must assume that what is written changes them. */

/* h = h + bias > 0 ? h + bias : 0, with biases (members, inner). */
KERNEL bias_relu(const layout *l, REAL *hidden, const REAL *bias)
{
    const int rows = l->outer, units = l->inner, step = l->a_outer;
    FOR_EACH_UNIT(l) {
        REAL *restrict h = hidden + j * l->a_member + k;
        const REAL added = k < units ? bias[j * l->c_member + k] : 0;
        FOR_EACH_ROWS(rows, units) {
            REAL value[AHEAD];
            FOR_EACH_ROW(rows)
                value[u] = h[(extent)i * step] + added;
            FOR_EACH_ROW(rows)
                h[(extent)i * step] = value[u] <= 0 ? 0 : value[u];
        }
    }
}

/* The same, and h = bits > threshold ? h * scale : 0. The bits are (outer, inner), shared by the members. */
KERNEL bias_relu_dropout(const layout *l, REAL *hidden, const REAL *bias, const int16_t *restrict bits,
                         const REAL *threshold, const REAL *scale)
{
    const int rows = l->outer, units = l->inner, step = l->a_outer;
    FOR_EACH_UNIT(l) {
        REAL *restrict h = hidden + j * l->a_member + k;
        const REAL added = k < units ? bias[j * l->c_member + k] : 0, least = threshold[j], factor = scale[j];
        FOR_EACH_ROWS(rows, units) {
            REAL value[AHEAD];
            int16_t drawn[AHEAD];
            FOR_EACH_ROW(rows) {
                value[u] = h[(extent)i * step] + added;
                drawn[u] = bits[(extent)i * units + k];
            }
            FOR_EACH_ROW(rows)
                h[(extent)i * step] = (REAL)drawn[u] <= least ? 0 : (value[u] <= 0 ? 0 : value[u] * factor);
        }
    }
}

/* dh = h > 0 ? dh * scale : 0, with h as either of them left it, and db = the sum of dh over the rows. */
KERNEL relu_back(const layout *l, const REAL *hidden, REAL *dhidden, REAL *dbias, const REAL *scale)
{
    const int rows = l->outer, units = l->inner, step = l->a_outer, dstep = l->b_outer;
    FOR_EACH_UNIT(l) {
        const REAL *restrict h = hidden + j * l->a_member + k;
        REAL *restrict d = dhidden + j * l->b_member + k;
        const REAL factor = scale[j];
        REAL sum = 0;
        FOR_EACH_ROWS(rows, units) {
            REAL unit[AHEAD], gradient[AHEAD];
            FOR_EACH_ROW(rows) {
                unit[u] = h[(extent)i * step];
                gradient[u] = d[(extent)i * dstep];
            }
            FOR_EACH_ROW(rows)
                sum += d[(extent)i * dstep] = unit[u] <= 0 ? 0 : gradient[u] * factor;
        }
        sum = over_warps(sum);
        if (WARP == 0 && k < units)
            dbias[j * l->c_member + k] = sum;
    }
}

/* Cross-entropy of the softmax against kept * targets + spread: arrays are (classes, members, rows), and the targets are
 * shared by the members. Losses are added to the total, and scores become the gradient of their mean. */
KERNEL softmax_loss(const layout *l, REAL *scores, REAL *total, const REAL *targets, const REAL *kept,
                    const REAL *spread)
{
    const int classes = l->outer, step = l->a_outer, total_step = l->b_outer, target_step = l->c_outer;
    const REAL rows = (REAL)l->inner;
    FOR_EACH_COLUMN(l) {
        REAL *restrict s = scores + j * l->a_member + k;
        REAL *restrict sums = total + j * l->b_member + k;
        const REAL *restrict t = targets + j * l->c_member + k;
        const REAL share = kept[j], rest = spread[j];
        REAL most = s[0], sum = 0;
        for (int i = 1; i < classes; i++)
            most = s[(extent)i * step] > most ? s[(extent)i * step] : most;
        for (int i = 0; i < classes; i++)
            sum += EXP(s[(extent)i * step] - most);
        const REAL log_sum = LOG(sum);
        for (int i = 0; i < classes; i++) {
            const REAL log_p = s[(extent)i * step] - most - log_sum;
            const REAL target = rest + t[(extent)i * target_step] * share;
            sums[(extent)i * total_step] -= log_p * target;
            s[(extent)i * step] = (EXP(log_p) - target) / rows;
        }
    }
}
