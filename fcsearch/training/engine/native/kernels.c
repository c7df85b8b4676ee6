/* Update rules of a lane, and dropout of its input, one pass over memory each: in CUDA C for a GPU, in C for steps.c.
 *
 * The same arithmetic as the torch operations in rules.py and inputs.py, which run where it cannot. library.py and gpu.py
 * compile it on the machine that runs it, once for each REAL (float, double) with its SQRT; binding.py has the arguments of
 * each kernel on a GPU, to keep equal to those here.
 *
 * Arrays are seen as (outer, members, inner) with inner contiguous; strides are in elements. The wide buffer of
 * parameters is (rows, M, H), the rest (1, M, Q). Settings have one value a member.
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
#else
#include <math.h>
#include <stdint.h>
#define KERNEL void
#define FOR_EACH_MEMBER(l)                     \
    for (extent i = 0; i < (l)->outer; i++)    \
        for (extent j = 0; j < (l)->members; j++)
#define FOR_EACH_VALUE(l) for (extent k = 0; k < (l)->inner; k++)
#endif

typedef struct {
    extent outer, members, inner;
    extent a_outer, a_member; /* strides of the first array: weights, activations, scores, or rows */
    extent b_outer, b_member; /* strides of the second: gradients, or sums of losses */
    extent c_outer, c_member; /* strides of the third: a rule's state, biases, or targets */
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
