/* A lane, its members, and their losses: what steps.c trains. Compiled behind kernels.c.
 *
 * The same arithmetic as losses.py. Matrices are row by row. structs.py has the structs, to keep equal to those here.
 */
typedef void gemm_function(const char *, const char *, const int *, const int *, const int *, const REAL *,
                           const REAL *, const int *, const REAL *, const int *, const REAL *, REAL *, const int *);

/* What the members have in common. Scratch memory holds what one member computes. */
typedef struct {
    extent rows, layers, members, block; /* N; linear layers; M; rows of the first layer that are updated together */
    extent activation;                   /* of the hidden layers */
    extent width;                        /* D, values in a row */
    extent numbers, frequencies, embedding_dim; /* of the embedding; numbers = 0: there is none */
    const extent *dims;                  /* D, or the features F that an embedding makes; hidden units; C */
    const extent *weights_at, *bias_at;  /* where the layers from the second on have theirs in `rest`; layers entries */
    const extent *hidden_at;             /* where each hidden layer begins in `hidden` */
    const extent *embedding_at;          /* where the embedding has its frequencies, weights and biases in `rest` */
    extent rest, regularised;            /* Q, and how many of them, the first, are weights */
    gemm_function *gemm;
    REAL *hidden, *slopes;               /* the hidden layers, (N, H) each, and the slopes of what came after them */
    REAL *dhidden[2];                    /* gradients of two neighbours among them */
    REAL *scores, *statistics, *ones;    /* (C, N); (2, N); (N,), what rows without weights count */
    REAL *dfirst, *drest;                /* (block + 1, H): of a block of the first layer, the biases last; (Q,) */
    REAL *turned;                        /* (C, inputs of the last layer, or of a block): its gradient, transposed */
    REAL *dropped;                       /* (N, dims[0]): what the first layer takes, with dropout; NULL without */
    REAL *waves, *features;              /* of the embedding: (P, N, 2 K), (N, F), */
    REAL *dwaves, *dfeatures;            /* and gradients: (N, 2 K) of one number, (N, P * E) */
    REAL input_threshold, input_scale;
} lane;

enum { SGD, SGD_MOMENTUM, RMSPROP, ADAM, NADAM, LION };
enum { SOFTMAX, SVM, SQUARED, ABSOLUTE, HUBER };

typedef struct {
    REAL *first, *rest;                    /* parameters: (D + 1, H), the biases last, and (Q,) */
    REAL *state_first[2], *state_rest[2];  /* of the rule */
    const REAL *settings;                  /* of the rule, at the stretch's first step */
    extent settings_step, settings_next;   /* to those of the next step, and to the next setting */
    extent rule, loss, drops;
    REAL threshold, scale;                 /* of dropout */
    REAL double_reg;                       /* 2 * reg; 0: no L2 */
    const REAL *decay;                     /* what the weights are multiplied by; 1: no decay */
    REAL kept, spread;                     /* label smoothing: the target is kept * target + spread */
    REAL delta;                            /* of Huber's loss */
    double total;                          /* the loss, summed over rows and steps */
} member;

/* e**x for x <= 0 is (rest + 1) * power, to a few units in the last place, without a call, so that loops of it become
 * vectors; power is one of 2. */
static inline float exp_parts(float x, float *power)
{
    x = x < -87.0f ? -87.0f : x;
    const float n = floorf(x * 1.44269504f + 0.5f), r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    const int32_t bits = (int32_t)((uint32_t)((int32_t)n + 127) << 23);
    float two_to_n;
    __builtin_memcpy(&two_to_n, &bits, sizeof two_to_n);
    *power = two_to_n;
    return p * r * r + r;
}

static inline float exp_float(float x)
{
    float power;
    const float rest = exp_parts(x, &power);
    return (rest + 1) * power;
}

/* e**x - 1, likewise, also near 0. */
static inline float expm1_float(float x)
{
    float power;
    const float rest = exp_parts(x, &power);
    return rest * power + (power - 1);
}

#define IS_FLOAT (sizeof(REAL) == sizeof(float))
#define EXP(x) (IS_FLOAT ? (REAL)exp_float((float)(x)) : (REAL)exp(x))
#define EXPM1(x) (IS_FLOAT ? (REAL)expm1_float((float)(x)) : (REAL)expm1(x))

/* Cross-entropy of the softmax; the scores become their gradient. */
static REAL softmax(const lane *l, const member *p, REAL *restrict scores, const REAL *restrict targets,
                    const REAL *restrict weights, extent classes)
{
    const extent rows = l->rows;
    REAL *restrict most = l->statistics, *restrict log_sum = l->statistics + rows;
    const REAL share = (REAL)1 / rows, kept = p->kept, spread = p->spread;
    REAL total = 0;
    for (extent n = 0; n < rows; n++) {
        most[n] = scores[n];
        log_sum[n] = 0;
    }
    for (extent c = 1; c < classes; c++)
        for (extent n = 0; n < rows; n++) {
            const REAL score = scores[c * rows + n];
            most[n] = score > most[n] || score != score ? score : most[n];
        }
    for (extent c = 0; c < classes; c++)
        for (extent n = 0; n < rows; n++) {
            scores[c * rows + n] -= most[n];
            log_sum[n] += EXP(scores[c * rows + n]);
        }
    for (extent n = 0; n < rows; n++)
        log_sum[n] = IS_FLOAT ? (REAL)logf((float)log_sum[n]) : (REAL)log((double)log_sum[n]);
    for (extent c = 0; c < classes; c++) {
        REAL sum = 0;
        for (extent n = 0; n < rows; n++) {
            const REAL log_p = scores[c * rows + n] - log_sum[n];
            const REAL target = targets[c * rows + n] * kept + spread;
            sum += weights[n] * log_p * target;
            scores[c * rows + n] = (EXP(log_p) - target) * (weights[n] * share);
        }
        total -= sum;
    }
    return total;
}

/* Multiclass hinge of margin 1; the scores become their gradient. */
static REAL hinge(const lane *l, REAL *restrict scores, const REAL *restrict targets, const REAL *restrict weights,
                  extent classes)
{
    const extent rows = l->rows;
    REAL *restrict correct = l->statistics, *restrict violated = l->statistics + rows;
    const REAL share = (REAL)1 / rows;
    REAL total = 0;
    for (extent n = 0; n < 2 * rows; n++)
        correct[n] = 0;
    for (extent c = 0; c < classes; c++)
        for (extent n = 0; n < rows; n++)
            correct[n] += scores[c * rows + n] * targets[c * rows + n];
    for (extent c = 0; c < classes; c++)
        for (extent n = 0; n < rows; n++) {
            const REAL beyond = scores[c * rows + n] - correct[n] + 1;
            const REAL margin = (beyond < 0 ? 0 : beyond) * (1 - targets[c * rows + n]);
            total += weights[n] * margin;
            scores[c * rows + n] = margin > 0 ? 1 : 0;
            violated[n] += scores[c * rows + n];
        }
    for (extent c = 0; c < classes; c++)
        for (extent n = 0; n < rows; n++)
            scores[c * rows + n] = (scores[c * rows + n] - targets[c * rows + n] * violated[n]) *
                                   (weights[n] * share);
    return total;
}

/* The losses of a regression, whose one score a row becomes its gradient. */
static REAL regression(const lane *l, const member *p, REAL *restrict scores, const REAL *restrict targets,
                       const REAL *restrict weights)
{
    const REAL share = (REAL)1 / l->rows, delta = p->delta;
    REAL total = 0;
    for (extent n = 0; n < l->rows; n++) {
        const REAL error = scores[n] - targets[n], weight = weights[n] * share;
        if (p->loss == SQUARED) {
            total += weights[n] * (error * error);
            scores[n] = 2 * error * weight;
        } else if (p->loss == ABSOLUTE) {
            total += weights[n] * (error < 0 ? -error : error);
            scores[n] = ((error > 0) - (error < 0)) * weight;
        } else {
            const REAL near = error > delta ? delta : (error < -delta ? -delta : error);
            total += weights[n] * (near * (error - near / 2));
            scores[n] = near * weight;
        }
    }
    return total;
}

/* The loss, summed over the rows by their weights (N,); l->scores become the gradient of its mean. */
static REAL loss(const lane *l, const member *p, const REAL *targets, const REAL *weights)
{
    if (p->loss == SOFTMAX)
        return softmax(l, p, l->scores, targets, weights, l->dims[l->layers]);
    if (p->loss == SVM)
        return hinge(l, l->scores, targets, weights, l->dims[l->layers]);
    return regression(l, p, l->scores, targets, weights);
}
