/* A hidden layer after its product: biases, activation and dropout in one pass, and the way back. Compiled behind
 * losses.c.
 *
 * The same arithmetic as activations.py. In single precision exponentials are polynomials, so that loops of them become
 * vectors: values and slopes are within 3e-7 of torch's (of their size, where that is above 1).
 */
enum { RELU, LEAKY_RELU, GELU, SELU };

#define LEAK ((REAL)0.01)
#define SELU_SCALE ((REAL)1.0507009873554804934193349852946)
#define SELU_FLOOR ((REAL)(1.0507009873554804934193349852946 * 1.6732632423543772848170429916717))

/* What the normal distribution has beyond z >= 0, where its density is `bell` / sqrt(2 pi): fitted to erfc. */
static inline float tail_float(float z, float bell)
{
    const float t = 1 / (1 + 0.35f * z);
    float p = -0.029126212f;
    p = p * t + 0.143873885f;
    p = p * t - 0.255507857f;
    p = p * t + 0.158932894f;
    p = p * t - 0.022939486f;
    p = p * t + 0.105433866f;
    p = p * t + 0.119852223f;
    p = p * t + 0.139859110f;
    p = p * t + 0.139621571f;
    return p * t * bell;
}

/* An activation's value at x, and its slope there. What is not a number stays so. */
static inline REAL bend(extent activation, REAL x, REAL *slope)
{
    if (activation == SELU) {
        const REAL below = SELU_FLOOR * EXPM1(x > 0 ? 0 : x);
        *slope = x > 0 ? SELU_SCALE : below + SELU_FLOOR;
        return x > 0 ? SELU_SCALE * x : below;
    }
    if (activation == GELU) {
        const REAL z = x < 0 ? -x : x, bell = EXP(-x * x / 2);
        const REAL tail = IS_FLOAT ? (REAL)tail_float((float)z, (float)bell)
                                   : (REAL)(erfc((double)z * 0.70710678118654752440) / 2);
        const REAL share = x > 0 ? 1 - tail : tail;
        *slope = share + x * bell * (REAL)0.39894228040143267794;
        return x * share;
    }
    if (activation == LEAKY_RELU) {
        *slope = x > 0 ? 1 : LEAK;
        return x > 0 ? x : LEAK * x;
    }
    *slope = 1; /* where the unit is not 0, which is told from the unit itself */
    return x <= 0 ? 0 : x;
}

/* With constants for the activation and for what is wanted, the loops hold nothing else, and become vectors. */
enum { TEST, TRAIN, DROP };

static inline void bend_all(const lane *l, const member *p, extent activation, extent mode, REAL *restrict h,
                            REAL *restrict slopes, const REAL *restrict bias, extent units,
                            const int16_t *restrict drawn)
{
    /* Copies: a compiler cannot know that writing to h leaves the structs as they are. */
    const extent rows = l->rows;
    const REAL threshold = p->threshold, scale = p->scale;
    for (extent n = 0; n < rows; n++) {
        for (extent k = 0; k < units; k++) {
            REAL slope, kept = 1;
            const REAL value = bend(activation, h[k] + bias[k], &slope);
            if (mode == DROP)
                kept = (REAL)drawn[k] <= threshold ? 0 : scale;
            h[k] = value * kept;
            if (mode != TEST && activation != RELU)
                slopes[k] = slope * kept;
        }
        h += units;
        slopes += mode == TEST ? 0 : units;
        drawn += mode == DROP ? units : 0;
    }
}

#define BEND_ALL(activation, mode) \
    case 3 * activation + mode: \
        bend_all(l, p, activation, mode, h, slopes, bias, units, drawn); \
        break;
#define BEND_ALL_MODES(activation) BEND_ALL(activation, TEST) BEND_ALL(activation, TRAIN) BEND_ALL(activation, DROP)

/* In test mode without slopes, and without drawn bits, which only members that drop units need. */
static void activate(const lane *l, const member *p, REAL *h, REAL *slopes, const REAL *bias, extent units,
                     const int16_t *drawn)
{
    switch (3 * l->activation + (!slopes ? TEST : p->drops ? DROP : TRAIN)) {
        BEND_ALL_MODES(RELU)
        BEND_ALL_MODES(LEAKY_RELU)
        BEND_ALL_MODES(GELU)
        BEND_ALL_MODES(SELU)
    }
}

/* Carries the gradient of an activated layer back, in place. */
static void activate_backward(const lane *l, const member *p, const REAL *restrict h, const REAL *restrict slopes,
                              REAL *restrict dh, extent units)
{
    const extent values = l->rows * units;
    const REAL scale = p->drops ? p->scale : 1;
    if (l->activation == RELU)
        for (extent k = 0; k < values; k++)
            dh[k] = h[k] <= 0 ? 0 : dh[k] * scale;
    else
        for (extent k = 0; k < values; k++)
            dh[k] *= slopes[k];
}
