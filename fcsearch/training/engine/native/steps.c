/* Whole steps of a lane on one CPU thread: forward, loss, backward, L2, decay and update, member after member, so
 * that all of a small net stays in the cache. Compiled behind kernels.c, whose update rules it calls, and the
 * other files.
 *
 * The same arithmetic as passes.py and regularisation.py.
 */
/* The rule's step of so many parameters, whose state begins at `state_at`. */
static void update(const member *p, REAL *w, const REAL *dw, REAL *const state[2], extent state_at, extent parameters,
                   const REAL *s)
{
    const layout walk = {.outer = 1, .members = 1, .inner = parameters}, *a = &walk;
    REAL *first = state[0] ? state[0] + state_at : 0, *second = state[1] ? state[1] + state_at : 0;
    const extent next = p->settings_next;
    switch (p->rule) {
    case SGD:
        sgd(a, w, dw, s);
        break;
    case SGD_MOMENTUM:
        sgd_momentum(a, w, dw, first, s, s + next);
        break;
    case RMSPROP:
        rmsprop(a, w, dw, first, s, s + next, s + 2 * next);
        break;
    case ADAM:
        adam(a, w, dw, first, second, s, s + next, s + 2 * next, s + 3 * next);
        break;
    case NADAM:
        nadam(a, w, dw, first, second, s, s + next, s + 2 * next, s + 3 * next, s + 4 * next);
        break;
    case LION:
        lion(a, w, dw, first, s, s + next, s + 2 * next);
        break;
    }
}

/* L2 and decay of so many weights. */
static void hold_down(const member *p, REAL *restrict w, REAL *restrict dw, extent weights)
{
    const REAL strength = p->double_reg, kept = *p->decay;
    if (strength != 0)
        for (extent k = 0; k < weights; k++)
            dw[k] += strength * w[k];
    if (kept != 1)
        for (extent k = 0; k < weights; k++)
            w[k] *= kept;
}

/* Leaves a minibatch's scores in l->scores, and the hidden layers in l->hidden. */
static void forward(const lane *l, const member *p, const REAL *x, const int16_t *drawn)
{
    const extent N = l->rows, D = l->dims[0], last = l->layers - 1, classes = l->dims[l->layers];
    const REAL *bias = p->first + D * l->dims[1];
    if (!last) {
        /* By rows first: for many features that is the fast way. */
        product(l, 'N', 'N', N, classes, D, x, D, p->first, classes, l->hidden);
        for (extent c = 0; c < classes; c++)
            for (extent n = 0; n < N; n++)
                l->scores[c * N + n] = l->hidden[n * classes + c];
    } else {
        product(l, 'N', 'N', N, l->dims[1], D, x, D, p->first, l->dims[1], l->hidden);
        activate(l, p, l->hidden, l->slopes, bias, l->dims[1], drawn);
        for (extent i = 1; i < last; i++) {
            const extent inputs = l->dims[i], units = l->dims[i + 1];
            REAL *out = l->hidden + l->hidden_at[i];
            product(l, 'N', 'N', N, units, inputs, l->hidden + l->hidden_at[i - 1], inputs, p->rest + l->weights_at[i],
                    units, out);
            activate(l, p, out, l->slopes ? l->slopes + l->hidden_at[i] : 0, p->rest + l->bias_at[i], units,
                     drawn ? drawn + l->hidden_at[i] : 0);
        }
        const extent inputs = l->dims[last];
        product(l, 'T', 'T', classes, N, inputs, p->rest + l->weights_at[last], classes,
                l->hidden + l->hidden_at[last - 1], inputs, l->scores);
        bias = p->rest + l->bias_at[last];
    }
    REAL *restrict scores = l->scores;
    for (extent c = 0; c < classes; c++) {
        const REAL added = bias[c];
        for (extent n = 0; n < N; n++)
            scores[c * N + n] += added;
    }
}

static void sum_classes(const lane *l, REAL *out)
{
    for (extent c = 0; c < l->dims[l->layers]; c++) {
        REAL sum = 0;
        for (extent n = 0; n < l->rows; n++)
            sum += l->scores[c * l->rows + n];
        out[c] = sum;
    }
}

/* Leaves the gradients of all layers but the first in l->drest; returns that by the first hidden layer, (N, H). */
static const REAL *backward(const lane *l, const member *p)
{
    const extent N = l->rows, last = l->layers - 1;
    const REAL *dout = 0;
    for (extent i = last; i >= 1; i--) {
        const extent inputs = l->dims[i], units = l->dims[i + 1];
        const REAL *w = p->rest + l->weights_at[i], *h = l->hidden + l->hidden_at[i - 1];
        REAL *dw = l->drest + l->weights_at[i], *db = l->drest + l->bias_at[i], *dh = l->dhidden[i & 1];
        if (i == last) {
            product_with_scores(l, inputs, h, inputs, dw);
            sum_classes(l, db);
            product(l, 'T', 'T', N, inputs, units, l->scores, N, w, units, dh);
        } else {
            product(l, 'T', 'N', inputs, units, N, h, inputs, dout, units, dw);
            sum_rows(l, dout, db, units);
            product(l, 'N', 'T', N, inputs, units, dout, units, w, units, dh);
        }
        activate_backward(l, p, h, l->slopes + l->hidden_at[i - 1], dh, inputs);
        dout = dh;
    }
    return dout;
}

/* Updates the first layer, block by block, each while the cache holds its gradient. */
static void update_first(const lane *l, const member *p, const REAL *x, const REAL *dout, const REAL *settings)
{
    const extent N = l->rows, D = l->dims[0], units = l->dims[1];
    for (extent start = 0; start < D; start += l->block) {
        const extent rows = D - start < l->block ? D - start : l->block, biases = start + rows == D;
        REAL *w = p->first + start * units;
        if (dout)
            product(l, 'T', 'N', rows, units, N, x + start, D, dout, units, l->dfirst);
        else
            product_with_scores(l, rows, x + start, D, l->dfirst);
        if (biases && dout)
            sum_rows(l, dout, l->dfirst + rows * units, units);
        else if (biases)
            sum_classes(l, l->dfirst + rows * units);
        hold_down(p, w, l->dfirst, rows * units);
        update(p, w, l->dfirst, p->state_first, start * units, (rows + biases) * units, settings);
    }
}

/* Train on minibatches that lie one after the other: x (steps, N, D), targets (steps, C, N), weights (steps, N), or
 * NULL. The first is the step `number` of those that settings are for. The bits of dropout, of units and of the input,
 * have strides of their own. */
void train_steps(const lane *l, member *members, extent steps, extent number, const REAL *x, const REAL *targets,
                 const REAL *weights, const int16_t *drawn, extent drawn_step, const int16_t *input_drawn,
                 extent input_drawn_step)
{
    const extent N = l->rows, D = l->width, classes = l->dims[l->layers];
    const layout walk = {.outer = 1, .members = 1, .inner = N * l->dims[0]};
    for (extent step = 0; step < steps; step++) {
        const REAL *rows = x + step * N * D, *taken = rows;
        const int16_t *input_bits = input_drawn + step * input_drawn_step;
        if (l->dropped && !l->numbers) {
            dropout(&walk, l->dropped, input_bits, &l->input_threshold, &l->input_scale, rows);
            taken = l->dropped;
        }
        for (member *p = members; p < members + l->members; p++) {
            const REAL *settings = p->settings + (number + step) * p->settings_step;
            if (l->numbers) {
                taken = embed(l, p, rows);
                if (l->dropped) {
                    dropout(&walk, l->dropped, input_bits, &l->input_threshold, &l->input_scale, taken);
                    taken = l->dropped;
                }
            }
            forward(l, p, taken, drawn + step * drawn_step);
            p->total += loss(l, p, targets + step * classes * N, weights ? weights + step * N : l->ones);
            const REAL *dout = l->layers > 1 ? backward(l, p) : 0;
            if (l->numbers)
                embed_backward(l, p, rows, taken, dout);
            update_first(l, p, taken, dout, settings);
            hold_down(p, p->rest, l->drest, l->regularised);
            if (l->rest)
                update(p, p->rest, l->drest, p->state_rest, 0, l->rest, settings);
        }
    }
}

/* Each member's scores of rows x (N, D) in test mode: (M, C, N). */
void score_rows(const lane *l, const member *members, const REAL *x, REAL *scores)
{
    lane one = *l;
    for (const member *p = members; p < members + l->members; p++) {
        one.scores = scores + (p - members) * l->rows * l->dims[l->layers];
        forward(&one, p, l->numbers ? embed(l, p, x) : x, 0);
    }
}
