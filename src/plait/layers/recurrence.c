/* The elementwise half of recurrence: gates, states and their gradients, each in one sweep over memory.

   Sequences lie in tensors (outer, time, inner, features): a batch of sequences has inner = 1; the columns of a
   map (batch, height, width, channels) are sequences with inner = width. Every way (direction) has features of its own.
   `lengths` (outer), where given, says how many steps of a sequence are real; what lies beyond is given as zero.
   A reversed way reads from the last real step to the first, so that nothing is flipped or copied.

   This file includes itself once for each kind of number: float, double, and bfloat16 stored with float computed.
   No -ffast-math: 1 / (1 + inf) must be 0. */

#ifndef SUFFIX

#include <math.h>
#include <stdint.h>
#include <string.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(base) JOIN(base, SUFFIX)
/* What is read and what is written never overlap: with so many arrays gcc would not find out by itself. */
#define EVERY_UNIT _Pragma("omp simd") for (int64_t u = 0; u < units; u++)

/* e^x by a polynomial of degree 6 on [-ln 2 / 2, ln 2 / 2] and a shift of the exponent, which gcc vectorizes; x is
   held within what float32 can represent, and its relative error is below 3e-7. */
static inline float exponential_float(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  float whole = x * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: adding it rounds to a whole number */
  whole -= 12582912.0f;
  const float rest = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  float sum = 1.0f / 720.0f;
  sum = sum * rest + 1.0f / 120.0f;
  sum = sum * rest + 1.0f / 24.0f;
  sum = sum * rest + 1.0f / 6.0f;
  sum = sum * rest + 0.5f;
  sum = sum * rest + 1.0f;
  sum = sum * rest + 1.0f;
  const int32_t bits = ((int32_t)whole + 127) << 23;
  float power;
  memcpy(&power, &bits, 4);
  return sum * power;
}

static inline double exponential_double(double x) { return exp(x); }

static inline float from_bfloat16(uint16_t stored) {
  const uint32_t bits = (uint32_t)stored << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

/* Rounded to nearest, ties to even; a NaN stays one. */
static inline uint16_t to_bfloat16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return value == value ? (uint16_t)rounded : (uint16_t)0x7fc0u;
}

#define SUFFIX _float
#define REAL float
#define STORED float
#define LOAD(x) (x)
#define STORE(x) (x)
#define EXPONENTIAL exponential_float
#include "recurrence.c"
#undef SUFFIX
#undef REAL
#undef STORED
#undef EXPONENTIAL

#define SUFFIX _double
#define REAL double
#define STORED double
#define EXPONENTIAL exponential_double
#include "recurrence.c"
#undef SUFFIX
#undef REAL
#undef STORED
#undef LOAD
#undef STORE
#undef EXPONENTIAL

#define SUFFIX _bfloat16
#define REAL float
#define STORED uint16_t
#define LOAD(x) from_bfloat16(x)
#define STORE(x) to_bfloat16(x)
#define EXPONENTIAL exponential_float
#include "recurrence.c"

#else

static inline REAL NAME(sigmoid)(REAL x) { return (REAL)1 / ((REAL)1 + EXPONENTIAL(-x)); }

/* 2 sigmoid(2x) - 1: off by at most 2e-7, which near zero is more than tanhf's error, and vectorizes. */
static inline REAL NAME(hyperbolic)(REAL x) {
  return (REAL)2 / ((REAL)1 + EXPONENTIAL((REAL)-2 * x)) - (REAL)1;
}

/* minGRU (Feng et al. 2024, section 3.1): z = sigmoid(gate); h = (1 - z) h + z candidate.
   before (outer, time, inner, ways, 2, units) holds gate and candidate; start and end are
   (outer, inner, ways, units). */
void NAME(mingru_forward)(const STORED *before, const int64_t *lengths, const STORED *start, STORED *given,
                          STORED *end, int64_t outer, int64_t time, int64_t inner, int64_t units, int64_t ways,
                          int64_t reversed) {
  const int64_t stride = inner * ways * units;
#pragma omp parallel for schedule(static)
  for (int64_t sequence = 0; sequence < outer * inner * ways; sequence++) {
    const int64_t example = sequence / (inner * ways), place = sequence % (inner * ways);
    const int64_t backward = reversed || sequence % ways == 1;
    const int64_t steps = lengths ? lengths[example] : time;
    const STORED *gates = before + (example * time * inner * ways + place) * 2 * units;
    STORED *output = given + (example * time * inner * ways + place) * units;
    REAL state[units];
    EVERY_UNIT state[u] = start ? LOAD(start[sequence * units + u]) : (REAL)0;
    for (int64_t step = 0; step < steps; step++) {
      const int64_t t = backward ? steps - 1 - step : step;
      const STORED *gate = gates + t * stride * 2, *candidate = gate + units;
      STORED *out = output + t * stride;
      EVERY_UNIT {
        const REAL z = NAME(sigmoid)(LOAD(gate[u]));
        state[u] += z * (LOAD(candidate[u]) - state[u]);
        out[u] = STORE(state[u]);
      }
    }
    for (int64_t t = steps; t < time; t++)
      EVERY_UNIT output[t * stride + u] = STORE((REAL)0);
    EVERY_UNIT end[sequence * units + u] = STORE(state[u]);
  }
}

void NAME(mingru_backward)(const STORED *before, const int64_t *lengths, const STORED *start, const STORED *given,
                           const STORED *slope_given, const STORED *slope_end, STORED *slope_before,
                           STORED *slope_start, int64_t outer, int64_t time, int64_t inner, int64_t units,
                           int64_t ways, int64_t reversed) {
  const int64_t stride = inner * ways * units;
#pragma omp parallel for schedule(static)
  for (int64_t sequence = 0; sequence < outer * inner * ways; sequence++) {
    const int64_t example = sequence / (inner * ways), place = sequence % (inner * ways);
    const int64_t backward = reversed || sequence % ways == 1;
    const int64_t steps = lengths ? lengths[example] : time;
    const int64_t base = (example * time * inner * ways + place) * units;
    const STORED *gates = before + 2 * base, *output = given + base;
    const STORED *arriving = slope_given + base;
    STORED *leaving = slope_before + 2 * base;
    REAL carried[units];
    STORED first[units];
    EVERY_UNIT carried[u] = slope_end ? LOAD(slope_end[sequence * units + u]) : (REAL)0;
    EVERY_UNIT first[u] = start ? start[sequence * units + u] : STORE((REAL)0);
    for (int64_t step = steps - 1; step >= 0; step--) {
      const int64_t t = backward ? steps - 1 - step : step;
      const STORED *gate = gates + t * stride * 2, *candidate = gate + units;
      const STORED *slope = arriving + t * stride;
      const STORED *previous = step ? output + (backward ? t + 1 : t - 1) * stride : first;
      STORED *gate_slope = leaving + t * stride * 2, *candidate_slope = gate_slope + units;
      EVERY_UNIT {
        const REAL z = NAME(sigmoid)(LOAD(gate[u]));
        const REAL whole = carried[u] + LOAD(slope[u]);
        const REAL part = whole * z;
        candidate_slope[u] = STORE(part);
        gate_slope[u] = STORE(part * ((REAL)1 - z) * (LOAD(candidate[u]) - LOAD(previous[u])));
        carried[u] = whole - part;
      }
    }
    for (int64_t t = steps; t < time; t++)
      for (int64_t u = 0; u < 2 * units; u++) leaving[t * stride * 2 + u] = STORE((REAL)0);
    EVERY_UNIT slope_start[sequence * units + u] = STORE(carried[u]);
  }
}

/* SRU (Lei et al. 2018, equations 1 to 4): f = sigmoid(F + v_f c); r = sigmoid(R + v_r c); c' = f c + (1 - f) X;
   h = r c' + (1 - r) skip. before (outer, time, inner, ways, 4, units) holds X, F, R and skip; peephole
   (ways, 2, units) holds v_f and v_r; memories (outer, time, inner, ways, units) keeps every c'. */
void NAME(sru_forward)(const STORED *before, const STORED *peephole, const int64_t *lengths, const STORED *start,
                       STORED *given, STORED *memories, STORED *end, int64_t outer, int64_t time, int64_t inner,
                       int64_t units, int64_t ways, int64_t reversed) {
  const int64_t stride = inner * ways * units;
#pragma omp parallel for schedule(static)
  for (int64_t sequence = 0; sequence < outer * inner * ways; sequence++) {
    const int64_t example = sequence / (inner * ways), place = sequence % (inner * ways), way = sequence % ways;
    const int64_t backward = reversed || way == 1;
    const int64_t steps = lengths ? lengths[example] : time;
    const int64_t base = (example * time * inner * ways + place) * units;
    const STORED *forget_weight = peephole + way * 2 * units;
    const STORED *reset_weight = forget_weight + units;
    REAL state[units];
    EVERY_UNIT state[u] = start ? LOAD(start[sequence * units + u]) : (REAL)0;
    for (int64_t step = 0; step < steps; step++) {
      const int64_t t = backward ? steps - 1 - step : step;
      const STORED *x = before + 4 * (base + t * stride), *forget = x + units;
      const STORED *reset = forget + units, *skip = reset + units;
      STORED *out = given + base + t * stride, *memory = memories + base + t * stride;
      EVERY_UNIT {
        const REAL f = NAME(sigmoid)(LOAD(forget[u]) + LOAD(forget_weight[u]) * state[u]);
        const REAL r = NAME(sigmoid)(LOAD(reset[u]) + LOAD(reset_weight[u]) * state[u]);
        const REAL value = LOAD(x[u]), around = LOAD(skip[u]);
        state[u] = value + f * (state[u] - value);
        memory[u] = STORE(state[u]);
        out[u] = STORE(around + r * (state[u] - around));
      }
    }
    for (int64_t t = steps; t < time; t++)
      EVERY_UNIT {
        given[base + t * stride + u] = STORE((REAL)0);
        memories[base + t * stride + u] = STORE((REAL)0);
      }
    EVERY_UNIT end[sequence * units + u] = STORE(state[u]);
  }
}

/* slope_peephole (outer, inner, ways, 2, units) is each sequence's own part, to be added up in order. */
void NAME(sru_backward)(const STORED *before, const STORED *peephole, const int64_t *lengths, const STORED *start,
                        const STORED *memories, const STORED *slope_given, const STORED *slope_end,
                        STORED *slope_before, REAL *slope_peephole, STORED *slope_start, int64_t outer, int64_t time,
                        int64_t inner, int64_t units, int64_t ways, int64_t reversed) {
  const int64_t stride = inner * ways * units;
#pragma omp parallel for schedule(static)
  for (int64_t sequence = 0; sequence < outer * inner * ways; sequence++) {
    const int64_t example = sequence / (inner * ways), place = sequence % (inner * ways), way = sequence % ways;
    const int64_t backward = reversed || way == 1;
    const int64_t steps = lengths ? lengths[example] : time;
    const int64_t base = (example * time * inner * ways + place) * units;
    const STORED *forget_weight = peephole + way * 2 * units;
    const STORED *reset_weight = forget_weight + units;
    REAL *forget_sum = slope_peephole + sequence * 2 * units, *reset_sum = forget_sum + units;
    REAL carried[units];
    STORED first[units];
    EVERY_UNIT carried[u] = slope_end ? LOAD(slope_end[sequence * units + u]) : (REAL)0;
    EVERY_UNIT first[u] = start ? start[sequence * units + u] : STORE((REAL)0);
    for (int64_t u = 0; u < 2 * units; u++) forget_sum[u] = (REAL)0;
    for (int64_t step = steps - 1; step >= 0; step--) {
      const int64_t t = backward ? steps - 1 - step : step;
      const STORED *x = before + 4 * (base + t * stride), *forget = x + units;
      const STORED *reset = forget + units, *skip = reset + units;
      const STORED *slope = slope_given + base + t * stride, *memory = memories + base + t * stride;
      const STORED *previous = step ? memories + base + (backward ? t + 1 : t - 1) * stride : first;
      STORED *x_slope = slope_before + 4 * (base + t * stride), *forget_slope = x_slope + units;
      STORED *reset_slope = forget_slope + units, *skip_slope = reset_slope + units;
      EVERY_UNIT {
        const REAL c = LOAD(previous[u]), arriving = LOAD(slope[u]);
        const REAL f = NAME(sigmoid)(LOAD(forget[u]) + LOAD(forget_weight[u]) * c);
        const REAL r = NAME(sigmoid)(LOAD(reset[u]) + LOAD(reset_weight[u]) * c);
        const REAL through = arriving * r, whole = carried[u] + through;
        const REAL of_reset = through * ((REAL)1 - r) * (LOAD(memory[u]) - LOAD(skip[u]));
        const REAL kept = whole * f;
        const REAL of_forget = kept * ((REAL)1 - f) * (c - LOAD(x[u]));
        x_slope[u] = STORE(whole - kept);
        forget_slope[u] = STORE(of_forget);
        reset_slope[u] = STORE(of_reset);
        skip_slope[u] = STORE(arriving - through);
        forget_sum[u] += of_forget * c;
        reset_sum[u] += of_reset * c;
        carried[u] = kept + of_forget * LOAD(forget_weight[u]) + of_reset * LOAD(reset_weight[u]);
      }
    }
    for (int64_t t = steps; t < time; t++)
      for (int64_t u = 0; u < 4 * units; u++) slope_before[4 * (base + t * stride) + u] = STORE((REAL)0);
    EVERY_UNIT slope_start[sequence * units + u] = STORE(carried[u]);
  }
}

/* One step of a GRU for all sequences, after the product of the states with the hidden weights.

   `way` of `ways` is read. before is (outer, time, inner, ways, 3, units); `hidden` (rows, 3, units) is this step's
   product, rows = outer * inner. States are kept in the order of reading: `old` and `new` (rows, units). A sequence that
   has ended keeps its state. */
#define FOR_EVERY_ROW                                                                                               \
  _Pragma("omp parallel for schedule(static)") for (int64_t row = 0; row < outer * inner; row++) {                  \
    const int64_t steps = lengths ? lengths[row / inner] : time;                                                    \
    const int64_t t = step >= steps ? step : (reversed ? steps - 1 - step : step);                                  \
    const int64_t position = ((row / inner * time + t) * inner + row % inner) * ways + way;

/* Gates are reset, update, candidate, as in torch.nn.GRU: the reset gate multiplies the candidate's product. `kept`
   (rows, 4, units) holds reset, update, candidate and that product. */
void NAME(gru_forward)(const STORED *before, const STORED *hidden, const int64_t *lengths, const STORED *old,
                       STORED *new, STORED *kept, STORED *given, int64_t step, int64_t outer, int64_t time,
                       int64_t inner, int64_t units, int64_t ways, int64_t way, int64_t reversed) {
  FOR_EVERY_ROW
    const STORED *arriving = before + position * 3 * units, *product = hidden + row * 3 * units;
    const STORED *state = old + row * units;
    STORED *out = given + position * units, *gate = kept + row * 4 * units;
    STORED *after = new + row * units;
    if (step >= steps) {
      EVERY_UNIT {
        after[u] = state[u];
        out[u] = STORE((REAL)0);
      }
      continue;
    }
    EVERY_UNIT {
      const REAL r = NAME(sigmoid)(LOAD(arriving[u]) + LOAD(product[u]));
      const REAL z = NAME(sigmoid)(LOAD(arriving[units + u]) + LOAD(product[units + u]));
      const REAL p = LOAD(product[2 * units + u]);
      const REAL n = NAME(hyperbolic)(LOAD(arriving[2 * units + u]) + r * p);
      const REAL h = n + z * (LOAD(state[u]) - n);
      after[u] = STORE(h);
      out[u] = STORE(h);
      gate[u] = STORE(r);
      gate[units + u] = STORE(z);
      gate[2 * units + u] = STORE(n);
      gate[3 * units + u] = STORE(p);
    }
  }
}

/* carried (rows, units) arrives as the slope of this step's state; the slopes of the gates go to slope_before and, in
   the order of reading, to slope_hidden (rows, 3, units). carried is set to what reaches the old state past the
   product: all of it where the sequence has ended. */
void NAME(gru_backward)(const STORED *kept, const STORED *old, const int64_t *lengths, const STORED *slope_given,
                        REAL *carried, STORED *slope_before, STORED *slope_hidden, int64_t step, int64_t outer,
                        int64_t time, int64_t inner, int64_t units, int64_t ways, int64_t way, int64_t reversed) {
  FOR_EVERY_ROW
    const STORED *gate = kept + row * 4 * units, *slope = slope_given + position * units;
    const STORED *state = old + row * units;
    STORED *leaving = slope_before + position * 3 * units, *product = slope_hidden + row * 3 * units;
    REAL *of_state = carried + row * units;
    if (step >= steps) {
      for (int64_t u = 0; u < 3 * units; u++) leaving[u] = product[u] = STORE((REAL)0);
      continue;
    }
    EVERY_UNIT {
      const REAL r = LOAD(gate[u]), z = LOAD(gate[units + u]), n = LOAD(gate[2 * units + u]);
      const REAL p = LOAD(gate[3 * units + u]), whole = of_state[u] + LOAD(slope[u]);
      const REAL of_candidate = whole * ((REAL)1 - z) * ((REAL)1 - n * n);
      const REAL of_update = whole * (LOAD(state[u]) - n) * z * ((REAL)1 - z);
      const REAL of_reset = of_candidate * p * r * ((REAL)1 - r);
      of_state[u] = whole * z;
      leaving[u] = product[u] = STORE(of_reset);
      leaving[units + u] = product[units + u] = STORE(of_update);
      leaving[2 * units + u] = STORE(of_candidate);
      product[2 * units + u] = STORE(of_candidate * r);
    }
  }
}

#undef FOR_EVERY_ROW

#endif
