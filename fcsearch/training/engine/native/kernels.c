/* Update rules, activations, dropout and a loss of a lane, one pass over memory each: in CUDA C for a GPU. steps.c takes
 * the update rules and dropout of the input, in C; the tests take all of it on a CPU.
 *
 * The same arithmetic as the torch operations in rules.py, activations.py, inputs.py and losses.py, which run where it
 * cannot. library.py and gpu.py compile it on the machine that runs it, once for each REAL (float, double) with its SQRT;
 * binding.py has the arguments of each kernel on a GPU, to keep equal to those here.
 *
 * Arrays are seen as (outer, members, inner) with inner contiguous; strides are in elements. The wide buffer of
 * parameters is (rows, M, H), the rest (1, M, Q); hidden layers are (rows, M, H). Settings have one value a member.
 */
typedef long long extent; /* 64 bits on either device */

#ifdef __CUDACC__
typedef short int16_t;
#define KERNEL extern "C" __global__ void
#define restrict __restrict__
/* Each thread has values t, t + all threads, ...; of fewer than 2**31, since shorter integers divide much faster. */
#define FOR_EACH_MEMBER(l)                                                                                      \
    for (unsigned t = blockIdx.x * blockDim.x + threadIdx.x, inner = (l)->inner, members = (l)->members,        \
                  all = (l)->outer * members * inner;                                                           \
         t < all; t += gridDim.x * blockDim.x)                                                                  \
        for (extent row = t / inner, i = (unsigned)row / members, j = row - i * members, k = t - row * inner,   \
                    once = 1;                                                                                   \
             once; once = 0)
#define FOR_EACH_VALUE(l)
/* A thread has one value of a member, in all of its rows. */
#define FOR_EACH_COLUMN(l)                                                                                      \
    for (unsigned t = blockIdx.x * blockDim.x + threadIdx.x, inner = (l)->inner, all = (l)->members * inner;    \
         t < all; t += gridDim.x * blockDim.x)                                                                  \
        for (extent j = t / inner, k = t - j * inner, once = 1; once; once = 0)
/* A block has 32 units of a member, of which each warp takes a row at a time; k may lie beyond the last unit. */
#define UNITS 32
#define WARPS 16
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
#include <math.h>
#include <stdint.h>
#define KERNEL void
#define FOR_EACH_MEMBER(l)                     \
    for (extent i = 0; i < (l)->outer; i++)    \
        for (extent j = 0; j < (l)->members; j++)
#define FOR_EACH_VALUE(l) for (extent k = 0; k < (l)->inner; k++)
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

#define EXP_OF(x) (sizeof(REAL) == sizeof(float) ? (REAL)expf((float)(x)) : (REAL)exp((double)(x)))
#define LOG_OF(x) (sizeof(REAL) == sizeof(float) ? (REAL)logf((float)(x)) : (REAL)log((double)(x)))

typedef struct {
    extent outer, members, inner;
    extent a_outer, a_member; /* strides of the first array: weights, or activations */
    extent b_outer, b_member; /* strides of the second: gradients */
    extent c_outer, c_member; /* strides of the third: the rule's state */
} layout;

#define AT_A(p, l) ((p) + i * (l)->a_outer + j * (l)->a_member)
#define AT_B(p, l) ((p) + i * (l)->b_outer + j * (l)->b_member)
#define AT_C(p, l) ((p) + i * (l)->c_outer + j * (l)->c_member)

KERNEL sgd(const layout *l, REAL *w, const REAL *dw, const REAL *minus_rate)
{
    FOR_EACH_MEMBER(l) {
        REAL *restrict p = AT_A(w, l);
        const REAL *restrict g = AT_B(dw, l);
        const REAL rate = minus_rate[j];
        FOR_EACH_VALUE(l)
            p[k] += rate * g[k];
    }
}

KERNEL sgd_momentum(const layout *l, REAL *w, const REAL *dw, REAL *velocity, const REAL *minus_rate, const REAL *kept)
{
    FOR_EACH_MEMBER(l) {
        REAL *restrict p = AT_A(w, l);
        const REAL *restrict g = AT_B(dw, l);
        REAL *restrict v = AT_C(velocity, l);
        const REAL rate = minus_rate[j], keep = kept[j];
        FOR_EACH_VALUE(l) {
            v[k] = keep * v[k] + rate * g[k];
            p[k] += v[k];
        }
    }
}

KERNEL rmsprop(const layout *l, REAL *w, const REAL *dw, REAL *cache, const REAL *gain, const REAL *epsilon,
               const REAL *factor)
{
    FOR_EACH_MEMBER(l) {
        REAL *restrict p = AT_A(w, l);
        const REAL *restrict g = AT_B(dw, l);
        REAL *restrict c = AT_C(cache, l);
        const REAL gained = gain[j], eps = epsilon[j], scale = factor[j];
        FOR_EACH_VALUE(l) {
            c[k] += gained * (g[k] * g[k] - c[k]);
            p[k] += g[k] / ((SQRT(c[k]) + eps) * scale);
        }
    }
}

KERNEL adam(const layout *l, REAL *w, const REAL *dw, REAL *first, REAL *second, const REAL *gain1, const REAL *gain2,
            const REAL *epsilon, const REAL *factor)
{
    FOR_EACH_MEMBER(l) {
        REAL *restrict p = AT_A(w, l);
        const REAL *restrict g = AT_B(dw, l);
        REAL *restrict m = AT_C(first, l);
        REAL *restrict v = AT_C(second, l);
        const REAL gained1 = gain1[j], gained2 = gain2[j], eps = epsilon[j], scale = factor[j];
        FOR_EACH_VALUE(l) {
            m[k] += gained1 * (g[k] - m[k]);
            v[k] += gained2 * (g[k] * g[k] - v[k]);
            p[k] += m[k] / ((SQRT(v[k]) + eps) * scale);
        }
    }
}

KERNEL nadam(const layout *l, REAL *w, const REAL *dw, REAL *first, REAL *second, const REAL *gain1, const REAL *gain2,
             const REAL *epsilon, const REAL *by_gradient, const REAL *by_moment)
{
    FOR_EACH_MEMBER(l) {
        REAL *restrict p = AT_A(w, l);
        const REAL *restrict g = AT_B(dw, l);
        REAL *restrict m = AT_C(first, l);
        REAL *restrict v = AT_C(second, l);
        const REAL gained1 = gain1[j], gained2 = gain2[j], eps = epsilon[j], a = by_gradient[j], b = by_moment[j];
        FOR_EACH_VALUE(l) {
            m[k] += gained1 * (g[k] - m[k]);
            v[k] += gained2 * (g[k] * g[k] - v[k]);
            p[k] += (a * g[k] + b * m[k]) / (SQRT(v[k]) + eps);
        }
    }
}

KERNEL lion(const layout *l, REAL *w, const REAL *dw, REAL *mean, const REAL *gain1, const REAL *gain2,
            const REAL *minus_rate)
{
    FOR_EACH_MEMBER(l) {
        REAL *restrict p = AT_A(w, l);
        const REAL *restrict g = AT_B(dw, l);
        REAL *restrict m = AT_C(mean, l);
        const REAL gained1 = gain1[j], gained2 = gain2[j], rate = minus_rate[j];
        FOR_EACH_VALUE(l) {
            const REAL change = g[k] - m[k], direction = m[k] + gained1 * change;
            p[k] += rate * (REAL)((direction > 0) - (direction < 0));
            m[k] += gained2 * change;
        }
    }
}

/* out = bits > threshold ? x * scale : 0. The bits are (outer, inner), shared by the members. */
KERNEL dropout(const layout *l, REAL *out, const int16_t *bits, const REAL *threshold, const REAL *scale, const REAL *x)
{
    FOR_EACH_MEMBER(l) {
        REAL *restrict b = AT_A(out, l);
        const REAL *restrict a = AT_B(x, l);
        const int16_t *restrict drawn = bits + i * l->inner;
        const REAL least = threshold[j], factor = scale[j];
        FOR_EACH_VALUE(l)
            b[k] = (REAL)drawn[k] <= least ? 0 : a[k] * factor;
    }
}

/* What a layout says stands in variables: what is written could else be the layout that is read. */

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
            sum += EXP_OF(s[(extent)i * step] - most);
        const REAL log_sum = LOG_OF(sum);
        for (int i = 0; i < classes; i++) {
            const REAL log_p = s[(extent)i * step] - most - log_sum;
            const REAL target = rest + t[(extent)i * target_step] * share;
            sums[(extent)i * total_step] -= log_p * target;
            s[(extent)i * step] = (EXP_OF(log_p) - target) / rows;
        }
    }
}
