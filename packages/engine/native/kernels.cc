// Operations of the denoiser for native TensorFlow on a processor, each one pass where a graph of small operations needs many.
// Compiled on the user's machine for its own instruction set (`mdiff engine install tensorflow`); packages/engine/src/tensorflow/fused.ts records them.
// Everything is float32. Matrix products have variants: in float32, or with operands rounded to bfloat16 and sums in float32.
// Sums are split by the sizes of the data, never by the number of threads: the same input gives the same bits.

#include <dlfcn.h>
#include <node_api.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_status.h"
#include "tensorflow/c/tf_tensor.h"

// Copied from tensorflow/c/kernels.h, which includes a header that wheels leave out.
extern "C" {
typedef struct TF_KernelBuilder TF_KernelBuilder;
typedef struct TF_OpKernelConstruction TF_OpKernelConstruction;
typedef struct TF_OpKernelContext TF_OpKernelContext;
TF_KernelBuilder* TF_NewKernelBuilder(const char* op_name, const char* device_name, void* (*create)(TF_OpKernelConstruction*), void (*compute)(void*, TF_OpKernelContext*), void (*destroy)(void*));
void TF_RegisterKernelBuilder(const char* kernel_name, TF_KernelBuilder* builder, TF_Status* status);
bool TF_OpKernelConstruction_HasAttr(TF_OpKernelConstruction* construction, const char* name, TF_Status* status);
void TF_OpKernelConstruction_GetAttrFloat(TF_OpKernelConstruction* construction, const char* name, float* value, TF_Status* status);
void TF_OpKernelConstruction_GetAttrBool(TF_OpKernelConstruction* construction, const char* name, unsigned char* value, TF_Status* status);
void TF_OpKernelConstruction_Failure(TF_OpKernelConstruction* construction, TF_Status* status);
void TF_OpKernelContext_Failure(TF_OpKernelContext* context, TF_Status* status);
void TF_GetInput(TF_OpKernelContext* context, int index, TF_Tensor** tensor, TF_Status* status);
TF_Tensor* TF_AllocateOutput(TF_OpKernelContext* context, int index, TF_DataType type, const int64_t* dims, int count, size_t bytes, TF_Status* status);
TF_Tensor* TF_ForwardInputOrAllocateOutput(TF_OpKernelContext* context, const int* candidates, int candidate_count, int index, const int64_t* dims, int count, int* forwarded, TF_Status* status);
}

// Variants of matrix products that the compiler has instructions for; at run time the processor decides.
#if defined(__AVX2__) && defined(__FMA__)
#define MDIFF_PRODUCTS 1
#include <immintrin.h>
#if defined(__AVX512F__) && defined(__AVX512BW__)
#define MDIFF_AVX512 1
#if defined(__AVX512BF16__)
#define MDIFF_AVX512_BF16 1
#if defined(__AMX_BF16__) && defined(__linux__)
#define MDIFF_AMX 1
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif
#endif
#endif

namespace {

// ---------------------------------------------------------------------------------------------------------------- threads

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/** Runs tasks side by side on `threads` threads, the caller's among them. A second caller in the meantime runs its tasks alone. */
class Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 1; i < threads; i++) workers_.emplace_back([this] { work(); });
  }
  ~Pool() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }
  int64_t threads() const { return static_cast<int64_t>(workers_.size()) + 1; }
  template <class F>
  void run(int64_t count, const F& task) {
    if (count <= 1 || workers_.empty() || !busy_.try_lock()) {
      for (int64_t i = 0; i < count; i++) task(i);
      return;
    }
    const std::function<void(int64_t)> call = std::cref(task);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      task_ = &call;
      count_ = count;
      next_ = 0;
      left_ = static_cast<int>(workers_.size());
      round_++;
    }
    wake_.notify_all();
    for (int64_t i; (i = next_++) < count;) task(i);
    // The other threads are about to finish: spinning is shorter than sleeping, unless another process has their core.
    for (int spin = 0; spin < 2000 && left_ > 0; spin++) relax();
    if (left_ > 0) {
      std::unique_lock<std::mutex> lock(mutex_);
      done_.wait(lock, [this] { return left_ == 0; });
    }
    busy_.unlock();
  }

 private:
  void work() {
    unsigned seen = 0;
    for (;;) {
      // Spin first, because the next operation follows within microseconds.
      for (int spin = 0; spin < 4000 && round_ == seen && !stop_; spin++) relax();
      const std::function<void(int64_t)>* task;
      int64_t count;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || round_ != seen; });
        if (stop_) return;
        seen = round_;
        task = task_;
        count = count_;
      }
      for (int64_t i; (i = next_++) < count;) (*task)(i);
      if (--left_ == 0) {
        std::lock_guard<std::mutex> lock(mutex_);
        done_.notify_one();
      }
    }
  }
  std::vector<std::thread> workers_;
  std::mutex mutex_, busy_;
  std::condition_variable wake_, done_;
  const std::function<void(int64_t)>* task_ = nullptr;
  int64_t count_ = 0;
  std::atomic<int64_t> next_{0};
  std::atomic<int> left_{0};
  std::atomic<unsigned> round_{0};
  std::atomic<bool> stop_{false};
};

int threads = 0;
/** Never freed: TensorFlow's own threads may still be inside when the process ends. */
Pool& pool() {
  static Pool* const made = new Pool(threads > 0 ? threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
  return *made;
}

/** Memory of a thread that grows and is used again. It takes large pages if the system has them, because packed operands are read in no order. */
class Scratch {
 public:
  ~Scratch() { free(memory_); }
  template <class T>
  T* get(int64_t count) {
    const size_t needed = static_cast<size_t>(count) * sizeof(T);
    if (needed > size_) {
      constexpr size_t LARGE = size_t{2} << 20;
      const size_t page = needed >= LARGE / 4 ? LARGE : 64;
      free(memory_);
      size_ = (needed + page - 1) / page * page;
      memory_ = aligned_alloc(page, size_);
#ifdef MADV_HUGEPAGE
      if (page == LARGE && memory_ != nullptr) madvise(memory_, size_, MADV_HUGEPAGE);
#endif
    }
    return static_cast<T*>(memory_);
  }

 private:
  void* memory_ = nullptr;
  size_t size_ = 0;
};

int64_t up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }
int64_t parts(int64_t n, int64_t of) { return (n + of - 1) / of; }

// ------------------------------------------------------------------------------------------------------------- elementwise

/** eˣ to two units in the last place (Cephes expf); below −87.3 the smallest normal number, NaN stays NaN. */
inline float exponential(float x) {
  x = x < -87.33f ? -87.33f : x;
  x = x > 88.7f ? 88.7f : x;
  const float n = (x * 1.44269504f + 12582912.0f) - 12582912.0f;  // to the nearest integer
  const float r = x - n * 0.693359375f + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const int32_t bits = (static_cast<int32_t>(n) + 127) * (1 << 23);
  float scale;
  memcpy(&scale, &bits, 4);
  return p * scale;
}

inline float logistic(float x) { return 1.0f / (1.0f + exponential(-x)); }

/** Elements of one task of an elementwise operation: more than waking a thread costs, and a part of a core's cache. */
constexpr int64_t CHUNK = 1 << 14;

void swiglu(const float* gate, const float* up, float* y, int64_t n) {
  pool().run(parts(n, CHUNK), [=](int64_t part) {
    const int64_t end = std::min(n, (part + 1) * CHUNK);
#pragma omp simd
    for (int64_t i = part * CHUNK; i < end; i++) y[i] = gate[i] * logistic(gate[i]) * up[i];
  });
}

void swiglu_gradient(const float* gate, const float* up, const float* dy, float* dgate, float* dup, int64_t n) {
  pool().run(parts(n, CHUNK), [=](int64_t part) {
    const int64_t end = std::min(n, (part + 1) * CHUNK);
#pragma omp simd
    for (int64_t i = part * CHUNK; i < end; i++) {
      const float g = gate[i], u = up[i], d = dy[i], sigma = logistic(g), silu = g * sigma;
      dup[i] = d * silu;
      dgate[i] = d * u * (sigma + silu * (1.0f - sigma));
    }
  });
}

/** Rows of one task of an operation along rows. */
constexpr int64_t ROWS = 32;

inline float inverse_root(const float* x, int64_t D, float eps) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < D; i++) sum += x[i] * x[i];
  return 1.0f / std::sqrt(sum / static_cast<float>(D) + eps);
}

void rms_norm(const float* x, const float* gain, float eps, float* y, int64_t N, int64_t D) {
  pool().run(parts(N, ROWS), [=](int64_t part) {
    for (int64_t n = part * ROWS; n < std::min(N, (part + 1) * ROWS); n++) {
      const float *row = x + n * D, r = inverse_root(row, D, eps);
      float* to = y + n * D;
#pragma omp simd
      for (int64_t i = 0; i < D; i++) to[i] = row[i] * r * gain[i];
    }
  });
}

/** Adds `count` vectors of length n, one after the other, in the same order on any number of threads. */
void add_up(const float* partial, int64_t count, int64_t n, float* sum) {
  pool().run(parts(n, 256), [=](int64_t part) {
    const int64_t begin = part * 256, end = std::min(n, begin + 256);
    memcpy(sum + begin, partial + begin, (end - begin) * sizeof(float));
    for (int64_t k = 1; k < count; k++) {
      const float* from = partial + k * n;
#pragma omp simd
      for (int64_t i = begin; i < end; i++) sum[i] += from[i];
    }
  });
}

/** With y = x·r: dx = r(dy·gain − y·mean(dy·gain·y)), dgain = Σ dy·y. `add` (may be null) is added to dx. */
void rms_norm_gradient(const float* x, const float* gain, float eps, const float* dy, const float* add, float* dx, float* dgain, int64_t N, int64_t D) {
  static thread_local Scratch scratch;
  const int64_t count = std::max<int64_t>(1, parts(N, 2 * ROWS));
  float* partial = scratch.get<float>(count * D);
  pool().run(count, [=](int64_t part) {
    float* sum = partial + part * D;
    memset(sum, 0, D * sizeof(float));
    for (int64_t n = part * 2 * ROWS; n < std::min(N, (part + 1) * 2 * ROWS); n++) {
      const float *row = x + n * D, *d = dy + n * D, r = inverse_root(row, D, eps);
      float inner = 0;
#pragma omp simd reduction(+ : inner)
      for (int64_t i = 0; i < D; i++) {
        const float product = d[i] * row[i] * r;
        sum[i] += product;
        inner += product * gain[i];
      }
      const float mean = inner / static_cast<float>(D);
      float* to = dx + n * D;
      if (add) {
        const float* more = add + n * D;
#pragma omp simd
        for (int64_t i = 0; i < D; i++) to[i] = more[i] + r * (d[i] * gain[i] - row[i] * r * mean);
      } else {
#pragma omp simd
        for (int64_t i = 0; i < D; i++) to[i] = r * (d[i] * gain[i] - row[i] * r * mean);
      }
    }
  });
  add_up(partial, count, D, dgain);
}

/** In place: each row of x [N, V] becomes its softmax. */
void softmax(float* x, int64_t N, int64_t V) {
  pool().run(parts(N, 4), [=](int64_t part) {
    for (int64_t n = part * 4; n < std::min(N, (part + 1) * 4); n++) {
      float* row = x + n * V;
      float most = -INFINITY, sum = 0;
#pragma omp simd reduction(max : most)
      for (int64_t i = 0; i < V; i++) most = row[i] > most ? row[i] : most;
#pragma omp simd reduction(+ : sum)
      for (int64_t i = 0; i < V; i++) {
        const float e = exponential(row[i] - most);
        row[i] = e;
        sum += e;
      }
      const float scale = 1.0f / sum;
#pragma omp simd
      for (int64_t i = 0; i < V; i++) row[i] *= scale;
    }
  });
}

// --------------------------------------------------------------------------------------------------------------- optimizer

struct Adamw {
  float scale, rate, beta1, beta2, eps, keep;
};

/** One step of AdamW (arXiv 1711.05101, algorithm 2) in place; packages/engine/src/tensorflow/adamw.ts derives the numbers. A scale of 0 makes the gradient 0, even where it is not finite. */
void adamw(float* p, float* m, float* v, const float* g, const Adamw& a, int64_t n) {
  pool().run(parts(n, CHUNK), [=](int64_t part) {
    const int64_t end = std::min(n, (part + 1) * CHUNK);
    const float fresh1 = 1.0f - a.beta1, fresh2 = 1.0f - a.beta2;
#pragma omp simd
    for (int64_t i = part * CHUNK; i < end; i++) {
      const float d = a.scale == 0.0f ? 0.0f : g[i] * a.scale;
      m[i] = a.beta1 * m[i] + fresh1 * d;
      v[i] = a.beta2 * v[i] + fresh2 * d * d;
      p[i] = a.keep * p[i] - a.rate * m[i] / (std::sqrt(v[i]) + a.eps);
    }
  });
}

// ------------------------------------------------------------------------------------------------------------- convolution

/** The geometry of a depthwise convolution whose taps never leave the row or the segment, nor look ahead in a causal batch. */
struct Taps {
  const int32_t* segments;
  bool causal;
  int64_t S;
  /** true if the output at s reads s + offset, both in row b */
  bool reads(int64_t b, int64_t s, int64_t offset) const {
    const int64_t from = s + offset;
    return s >= 0 && s < S && from >= 0 && from < S && !(causal && offset > 0) && segments[b * S + s] == segments[b * S + from];
  }
  /** true if positions first to last of row b exist and belong to one segment */
  bool near(int64_t b, int64_t first, int64_t last) const {
    if (first < 0 || last >= S) return false;
    for (int64_t s = first + 1; s <= last; s++)
      if (segments[b * S + s] != segments[b * S + first]) return false;
    return true;
  }
};

/** Number of rows that are computed together where they and their neighbours all read each other. */
constexpr int64_t TOGETHER = 4;

/** R rows of y from x with T taps whose first is at row `lo` from the row's own. */
template <int T, int R>
void convolve_rows(const float* x, const float* weight, int64_t lo, float* y, int64_t D) {
#pragma omp simd
  for (int64_t i = 0; i < D; i++) {
    float near[T + R - 1];
    for (int k = 0; k < T + R - 1; k++) near[k] = x[(lo + k) * D + i];
    for (int r = 0; r < R; r++) {
      float sum = x[r * D + i];
      for (int j = 0; j < T; j++) sum += near[r + j] * weight[j * D + i];
      y[r * D + i] = sum;
    }
  }
}

/** R rows of dx, and their share of the gradient of each tap. */
template <int T, int R>
void convolve_back_rows(const float* x, const float* weight, int64_t lo, const float* dy, float* dx, float* sums, int64_t D) {
#pragma omp simd
  for (int64_t i = 0; i < D; i++) {
    float near[T + R - 1];  // the row that the last tap of the first of R rows was read from, and those after it
    for (int k = 0; k < T + R - 1; k++) near[k] = dy[(k - lo - T + 1) * D + i];
    float sum[T] = {};
    for (int r = 0; r < R; r++) {
      const float here = x[r * D + i];
      float back = dy[r * D + i];
      for (int j = 0; j < T; j++) {
        back += near[r + T - 1 - j] * weight[j * D + i];
        sum[j] += near[r + T - 1 - j] * here;
      }
      dx[r * D + i] = back;
    }
    for (int j = 0; j < T; j++) sums[j * D + i] += sum[j];
  }
}

/** Calls `work` with the number of taps as a constant: widths 3, 5 and 7, and the half of each that looks back. */
template <class F>
bool with_taps(int64_t taps, const F& work) {
  switch (taps) {
    case 2: return work(std::integral_constant<int, 2>{}), true;
    case 3: return work(std::integral_constant<int, 3>{}), true;
    case 4: return work(std::integral_constant<int, 4>{}), true;
    case 5: return work(std::integral_constant<int, 5>{}), true;
    case 7: return work(std::integral_constant<int, 7>{}), true;
    default: return false;
  }
}

/** y = x + convolution of x: x [B·S, D], weight [W, D]. */
void convolve(const float* x, const float* weight, Taps taps, float* y, int64_t B, int64_t D, int64_t W) {
  const int64_t S = taps.S, chunks = parts(S, ROWS), reach = W / 2, count = taps.causal ? reach + 1 : W;
  pool().run(B * chunks, [=](int64_t task) {
    const int64_t b = task / chunks, end = std::min(S, (task % chunks + 1) * ROWS);
    for (int64_t s = task % chunks * ROWS; s < end; s++) {
      const float* here = x + (b * S + s) * D;
      float* to = y + (b * S + s) * D;
      if (s + TOGETHER <= end && taps.near(b, s - reach, s + TOGETHER + count - reach - 2) && with_taps(count, [=](auto T) { convolve_rows<T, TOGETHER>(here, weight, -reach, to, D); })) {
        s += TOGETHER - 1;
        continue;
      }
      memcpy(to, here, D * sizeof(float));
      for (int64_t j = 0; j < count; j++) {
        if (!taps.reads(b, s, j - reach)) continue;
        const float *from = here + (j - reach) * D, *w = weight + j * D;
#pragma omp simd
        for (int64_t i = 0; i < D; i++) to[i] += from[i] * w[i];
      }
    }
  });
}

void convolve_gradient(const float* x, const float* weight, Taps taps, const float* dy, float* dx, float* dweight, int64_t B, int64_t D, int64_t W) {
  static thread_local Scratch scratch;
  const int64_t S = taps.S, rows = 2 * ROWS, chunks = parts(S, rows), reach = W / 2, count = taps.causal ? reach + 1 : W;
  float* partial = scratch.get<float>(B * chunks * W * D);
  pool().run(B * chunks, [=](int64_t task) {
    float* sums = partial + task * W * D;
    memset(sums, 0, W * D * sizeof(float));
    const int64_t b = task / chunks, end = std::min(S, (task % chunks + 1) * rows);
    for (int64_t s = task % chunks * rows; s < end; s++) {
      const float *here = x + (b * S + s) * D, *d = dy + (b * S + s) * D;
      float* to = dx + (b * S + s) * D;
      if (s + TOGETHER <= end && taps.near(b, s + reach - count + 1, s + TOGETHER - 1 + reach) && with_taps(count, [=](auto T) { convolve_back_rows<T, TOGETHER>(here, weight, -reach, d, to, sums, D); })) {
        s += TOGETHER - 1;
        continue;
      }
      memcpy(to, d, D * sizeof(float));
      for (int64_t j = 0; j < count; j++) {
        const int64_t offset = j - reach;
        if (!taps.reads(b, s - offset, offset)) continue;
        const float *back = d - offset * D, *w = weight + j * D;
        float* sum = sums + j * D;
#pragma omp simd
        for (int64_t i = 0; i < D; i++) {
          to[i] += back[i] * w[i];
          sum[i] += back[i] * here[i];
        }
      }
    }
  });
  add_up(partial, B * chunks, W * D, dweight);
}

#ifdef MDIFF_PRODUCTS

// ------------------------------------------------------------------------------------------------------------ sixteen numbers
// Everything below is written once, for sixteen numbers at a time: one register of AVX-512, or two of AVX2.

#ifdef MDIFF_AVX512

struct Lanes512 {
  using Floats = __m512;
  using Row = __m512i;
  using Mask = __mmask16;
  static Mask first(int64_t n) { return n >= 16 ? 0xffff : n <= 0 ? 0 : static_cast<__mmask16>((1u << n) - 1); }
  /** true for those of 16 numbers under `inside` that equal `value`; the others are not read */
  static Mask equal(int32_t value, const int32_t* numbers, Mask inside) { return _mm512_mask_cmpeq_epi32_mask(inside, _mm512_set1_epi32(value), _mm512_maskz_loadu_epi32(inside, numbers)); }
  static Floats set(float x) { return _mm512_set1_ps(x); }
  static Floats load(const float* from) { return _mm512_loadu_ps(from); }
  static Floats load(const float* from, Mask mask) { return _mm512_maskz_loadu_ps(mask, from); }
  static void store(float* to, Floats x, Mask mask) { _mm512_mask_storeu_ps(to, mask, x); }
  static void put(void* to, Row row) { _mm512_store_si512(to, row); }
  static Row row(Floats x) { return _mm512_castps_si512(x); }
  static Row zeros() { return _mm512_setzero_si512(); }
  static Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
  static Floats subtract(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
  static Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  /** a·b + c */
  static Floats fuse(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
  /** x under the mask, 0 elsewhere */
  static Floats keep(Floats x, Mask mask) { return _mm512_maskz_mov_ps(mask, x); }
  /** the larger of the two under the mask, `most` elsewhere */
  static Floats larger(Floats most, Floats x, Mask mask) { return _mm512_mask_max_ps(most, mask, most, x); }
  static float largest(Floats x) { return _mm512_reduce_max_ps(x); }
  static float sum(Floats x) { return _mm512_reduce_add_ps(x); }
  /** `exponential`: compilers do not round to a power of two in one instruction. */
  static Floats exponential(Floats x) {
    x = _mm512_min_ps(_mm512_set1_ps(88.7f), _mm512_max_ps(_mm512_set1_ps(-87.33f), x));
    const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 r = _mm512_fmadd_ps(n, _mm512_set1_ps(2.12194440e-4f), _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x));
    __m512 p = _mm512_set1_ps(1.9875691500e-4f);
    for (const float next : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f, 1.0f, 1.0f}) p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(next));
    return _mm512_scalef_ps(p, n);
  }
  /** 1/x to two units in the last place, for 1 ≤ x: compilers do not divide by way of a reciprocal. */
  static Floats reciprocal(Floats x) {
    const __m512 y = _mm512_rcp14_ps(x);
    return _mm512_mul_ps(y, _mm512_fnmadd_ps(x, y, _mm512_set1_ps(2.0f)));
  }
  /** 16 × 16 of 32 bits. */
  static void transpose(Row r[16]) {
    __m512i t[16];
    for (int i = 0; i < 8; i++) {
      t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
      t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 4; i++) {
      r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
      r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
      r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
      r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
    }
    for (int i = 0; i < 4; i++) {
      t[i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0x88);
      t[4 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0x88);
      t[8 + i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0xdd);
      t[12 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
      r[i] = _mm512_shuffle_i32x4(t[i], t[4 + i], 0x88);
      r[8 + i] = _mm512_shuffle_i32x4(t[i], t[4 + i], 0xdd);
      r[4 + i] = _mm512_shuffle_i32x4(t[8 + i], t[12 + i], 0x88);
      r[12 + i] = _mm512_shuffle_i32x4(t[8 + i], t[12 + i], 0xdd);
    }
  }
};

#endif

struct Lanes256 {
  struct Floats {
    __m256 low, high;
  };
  using Row = Floats;
  struct Mask {
    __m256i low, high;
  };
  static Mask first(int64_t n) {
    const __m256i count = _mm256_set1_epi32(static_cast<int>(std::clamp<int64_t>(n, 0, 16)));
    return {_mm256_cmpgt_epi32(count, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)), _mm256_cmpgt_epi32(count, _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15))};
  }
  static Mask equal(int32_t value, const int32_t* numbers, Mask inside) {
    const __m256i wanted = _mm256_set1_epi32(value);
    const auto half = [=](const int32_t* from, __m256i mask) { return _mm256_and_si256(mask, _mm256_cmpeq_epi32(wanted, _mm256_maskload_epi32(from, mask))); };
    return {half(numbers, inside.low), half(numbers + 8, inside.high)};
  }
  static Floats set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static Floats load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
  static Floats load(const float* from, Mask mask) { return {_mm256_maskload_ps(from, mask.low), _mm256_maskload_ps(from + 8, mask.high)}; }
  static void store(float* to, Floats x, Mask mask) {
    _mm256_maskstore_ps(to, mask.low, x.low);
    _mm256_maskstore_ps(to + 8, mask.high, x.high);
  }
  static void put(void* to, Row row) {
    _mm256_store_ps(static_cast<float*>(to), row.low);
    _mm256_store_ps(static_cast<float*>(to) + 8, row.high);
  }
  static Row row(Floats x) { return x; }
  static Row zeros() { return set(0); }
  static Floats add(Floats a, Floats b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
  static Floats subtract(Floats a, Floats b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
  static Floats multiply(Floats a, Floats b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
  static Floats fuse(Floats a, Floats b, Floats c) { return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)}; }
  static Floats keep(Floats x, Mask mask) { return {_mm256_and_ps(x.low, _mm256_castsi256_ps(mask.low)), _mm256_and_ps(x.high, _mm256_castsi256_ps(mask.high))}; }
  static Floats larger(Floats most, Floats x, Mask mask) {
    const auto half = [](__m256 most, __m256 x, __m256i mask) { return _mm256_blendv_ps(most, _mm256_max_ps(most, x), _mm256_castsi256_ps(mask)); };
    return {half(most.low, x.low, mask.low), half(most.high, x.high, mask.high)};
  }
  static float largest(Floats x) {
    const __m256 eight = _mm256_max_ps(x.low, x.high);
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1)), two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
  }
  static float sum(Floats x) {
    const __m256 eight = _mm256_add_ps(x.low, x.high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1)), two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  /** As with AVX-512, but 88.37 is the largest number whose result is built by an exponent. */
  static __m256 exponential(__m256 x) {
    x = _mm256_min_ps(_mm256_set1_ps(88.37f), _mm256_max_ps(_mm256_set1_ps(-87.33f), x));
    const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m256 r = _mm256_fmadd_ps(n, _mm256_set1_ps(2.12194440e-4f), _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x));
    __m256 p = _mm256_set1_ps(1.9875691500e-4f);
    for (const float next : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f, 1.0f, 1.0f}) p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(next));
    return _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23)));
  }
  static Floats exponential(Floats x) { return {exponential(x.low), exponential(x.high)}; }
  static Floats reciprocal(Floats x) { return {_mm256_div_ps(_mm256_set1_ps(1), x.low), _mm256_div_ps(_mm256_set1_ps(1), x.high)}; }
  static void transpose(__m256 r[8]) {
    __m256 t[8], u[8];
    for (int i = 0; i < 4; i++) {
      t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
      t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) {
      u[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
      u[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
      u[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
      u[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
      r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
      r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
    }
  }
  static void transpose(Row r[16]) {
    __m256 quarter[4][8];
    for (int i = 0; i < 8; i++) {
      quarter[0][i] = r[i].low;
      quarter[1][i] = r[i].high;
      quarter[2][i] = r[i + 8].low;
      quarter[3][i] = r[i + 8].high;
    }
    for (auto& part : quarter) transpose(part);
    for (int i = 0; i < 8; i++) {
      r[i] = {quarter[0][i], quarter[2][i]};
      r[i + 8] = {quarter[1][i], quarter[3][i]};
    }
  }
};

template <class L>
inline typename L::Floats logistic(typename L::Floats x) {
  return L::reciprocal(L::add(L::set(1), L::exponential(L::subtract(L::set(0), x))));
}

// ---------------------------------------------------------------------------------------------------- operands of products
// A tile is 16 rows of 64 bytes. Of the left operand a row holds the neighbours of one row; of the right one it holds a row, or in bfloat16 a
// pair of rows, element by element. So both are packed from float32 by the same two moves, one of them transposed.

/** Operands in float32: a tile is 16 deep along K. */
template <class L>
struct Float32Operands {
  using Lanes = L;
  using Element = float;
  static constexpr int64_t DEPTH = 16;
  /** Tiles along K whose operands the first-level cache holds. */
  static constexpr int64_t DEEP = 16;
  /** A row of a left tile; part(i) gives sixteen numbers from the i-th sixteenth column on. */
  template <class F>
  static typename L::Row along(const F& part) { return L::row(part(0)); }
  /** A row of a right tile; part(i) gives sixteen numbers of the i-th row. */
  template <class F>
  static typename L::Row across(const F& part) { return L::row(part(0)); }
};

#ifdef MDIFF_AVX512_BF16
/** Operands in bfloat16: a tile is 32 deep along K. */
struct Bfloat16Operands {
  using Lanes = Lanes512;
  using Element = uint16_t;
  static constexpr int64_t DEPTH = 32;
  static constexpr int64_t DEEP = 24;
  template <class F>
  static __m512i along(const F& part) { return (__m512i)_mm512_cvtne2ps_pbh(part(1), part(0)); }
  template <class F>
  static __m512i across(const F& part) {
    const __m512i index = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(index, along(part));
  }
};
#endif

template <class V>
using Element = typename V::Element;
/** Elements of a tile. */
template <class V>
constexpr int64_t TILE = 16 * V::DEPTH;
/** Rows, or columns, of which a row of a tile holds one element each. */
template <class V>
constexpr int64_t EACH = V::DEPTH / 16;

/** 16 rows of DEPTH neighbours each; 0 outside the matrix. */
template <class V>
inline void take_rows(typename V::Lanes::Row r[16], const float* from, int64_t ld, int64_t rows, int64_t columns) {
  using L = typename V::Lanes;
  if (rows >= 16 && columns >= V::DEPTH) {
    for (int i = 0; i < 16; i++) r[i] = V::along([=](int part) { return L::load(from + i * ld + 16 * part); });
    return;
  }
  for (int i = 0; i < 16; i++) r[i] = V::along([=](int part) { return L::load(from + i * ld + 16 * part, L::first(i < rows ? columns - 16 * part : 0)); });
}

/** DEPTH rows of 16 neighbours each. */
template <class V>
inline void take_deep(typename V::Lanes::Row r[16], const float* from, int64_t ld, int64_t rows, int64_t columns) {
  using L = typename V::Lanes;
  if (rows >= V::DEPTH && columns >= 16) {
    for (int i = 0; i < 16; i++) r[i] = V::across([=](int part) { return L::load(from + (EACH<V> * i + part) * ld); });
    return;
  }
  for (int i = 0; i < 16; i++) r[i] = V::across([=](int part) { return L::load(from + (EACH<V> * i + part) * ld, L::first(EACH<V> * i + part < rows ? columns : 0)); });
}

template <class V>
inline void put(Element<V>* to, const typename V::Lanes::Row r[16]) {
  for (int i = 0; i < 16; i++) V::Lanes::put(to + V::DEPTH * i, r[i]);
}

/** A matrix in memory, or its transpose. */
struct Matrix {
  const float* data;
  int64_t ld;
  bool transposed;
};

/** Elements of a packed operand: whole blocks of 32 along both axes. */
int64_t packed_size(int64_t outer, int64_t K) { return up(outer, 32) * up(K, 32); }
/** Tiles along K of a packed operand. */
template <class V>
int64_t tiles_along(int64_t K) { return up(K, 32) / V::DEPTH; }

/** The left operand [M, K] as tiles: tile (i, k) of 16 rows and DEPTH columns is number i·deep + k. */
template <class V>
void pack_left(Element<V>* to, Matrix a, int64_t M, int64_t K, int64_t deep) {
  const int64_t high = up(M, 32) / 16, wide = tiles_along<V>(K), D = V::DEPTH;
  typename V::Lanes::Row r[16];
  if (a.transposed) {
    // Memory runs along M: a row of tiles at a time.
    for (int64_t k = 0; k < wide; k++) {
      for (int64_t i = 0; i < high; i++) {
        take_deep<V>(r, a.data + k * D * a.ld + i * 16, a.ld, K - k * D, M - i * 16);
        V::Lanes::transpose(r);
        put<V>(to + (i * deep + k) * TILE<V>, r);
      }
    }
    return;
  }
  for (int64_t i = 0; i < high; i++) {
    for (int64_t k = 0; k < wide; k++) {
      take_rows<V>(r, a.data + i * 16 * a.ld + k * D, a.ld, M - i * 16, K - k * D);
      put<V>(to + (i * deep + k) * TILE<V>, r);
    }
  }
}

/** The right operand [K, N] as tiles: tile (k, j) of DEPTH rows and 16 columns is number j·deep + k. */
template <class V>
void pack_right(Element<V>* to, Matrix b, int64_t K, int64_t N, int64_t deep) {
  const int64_t wide = up(N, 32) / 16, high = tiles_along<V>(K), D = V::DEPTH;
  typename V::Lanes::Row r[16];
  if (b.transposed) {
    for (int64_t j = 0; j < wide; j++) {
      for (int64_t k = 0; k < high; k++) {
        take_rows<V>(r, b.data + j * 16 * b.ld + k * D, b.ld, N - j * 16, K - k * D);
        V::Lanes::transpose(r);
        put<V>(to + (j * deep + k) * TILE<V>, r);
      }
    }
    return;
  }
  for (int64_t k = 0; k < high; k++) {
    for (int64_t j = 0; j < wide; j++) {
      take_deep<V>(r, b.data + k * D * b.ld + j * 16, b.ld, K - k * D, N - j * 16);
      put<V>(to + (j * deep + k) * TILE<V>, r);
    }
  }
}

/** Both operands when they are no parts of larger ones. */
template <class V>
void pack_left(Element<V>* to, Matrix a, int64_t M, int64_t K) { pack_left<V>(to, a, M, K, tiles_along<V>(K)); }
template <class V>
void pack_right(Element<V>* to, Matrix b, int64_t K, int64_t N) { pack_right<V>(to, b, K, N, tiles_along<V>(K)); }

/** Packs a right operand on all threads. */
template <class V>
void pack_right_together(Element<V>* to, Matrix b, int64_t K, int64_t N, int64_t deep) {
  if (b.transposed) {
    pool().run(parts(N, 128), [=](int64_t part) { pack_right<V>(to + part * 8 * deep * TILE<V>, {b.data + part * 128 * b.ld, b.ld, true}, K, std::min<int64_t>(128, N - part * 128), deep); });
  } else {
    pool().run(parts(K, 128), [=](int64_t part) { pack_right<V>(to + part * 128 / V::DEPTH * TILE<V>, {b.data + part * 128 * b.ld, b.ld, false}, std::min<int64_t>(128, K - part * 128), N, deep); });
  }
}

template <class V>
void pack_right_together(Element<V>* to, Matrix b, int64_t K, int64_t N) { pack_right_together<V>(to, b, K, N, tiles_along<V>(K)); }

// ---------------------------------------------------------------------------------------------------- variants of products
// A variant computes C [32, 32] = a pair of rows of tiles times a pair of columns of tiles, plus `add` if given, in one `block`. `InUse` holds what
// it needs of the processor while it lives.

/** Tells the compiler to keep an array in registers: its loops have constant bounds and must be unrolled. */
#define MDIFF_UNROLL _Pragma("GCC unroll 16")

/** A block by registers: ROWS rows of COLUMNS columns at a time, each number of the left operand spread over a register. */
template <class R, class Element>
inline void block_in_registers(const Element* a, int64_t a_next, const Element* b, int64_t b_next, int64_t deep, const float* add, float* c, int64_t ldc) {
  constexpr int64_t WIDTH = R::WIDTH, COUNT = R::COLUMNS / WIDTH, SIZE = 1024 / sizeof(Element), ROW = 64 / sizeof(Element), ONE = 4 / sizeof(Element);
  for (int64_t column = 0; column < 32; column += R::COLUMNS) {
    const Element* const right = b + column / 16 * b_next;
    for (int64_t row = 0; row < 32; row += R::ROWS) {
      const Element* const left = a + row / 16 * a_next + row % 16 * ROW;
      float* const to = c + row * ldc + column;
      typename R::Register sum[R::ROWS][COUNT];
      MDIFF_UNROLL for (int64_t i = 0; i < R::ROWS; i++) {
        MDIFF_UNROLL for (int64_t j = 0; j < COUNT; j++) sum[i][j] = add ? R::load(add + (row + i) * ldc + column + j * WIDTH) : R::zero();
      }
      for (int64_t k = 0; k < deep; k++) {
        const Element *const l = left + k * SIZE, *const r = right + k * SIZE;
        for (int64_t p = 0; p < 16; p++) {
          typename R::Operand columns[COUNT];
          MDIFF_UNROLL for (int64_t j = 0; j < COUNT; j++) columns[j] = R::take(r + j * WIDTH / 16 * b_next + p * ROW + j * WIDTH % 16 * ONE);
          MDIFF_UNROLL for (int64_t i = 0; i < R::ROWS; i++) {
            const typename R::Operand one = R::spread(l + i * ROW + p * ONE);
            MDIFF_UNROLL for (int64_t j = 0; j < COUNT; j++) sum[i][j] = R::step(sum[i][j], one, columns[j]);
          }
        }
      }
      MDIFF_UNROLL for (int64_t i = 0; i < R::ROWS; i++) {
        MDIFF_UNROLL for (int64_t j = 0; j < COUNT; j++) R::store(to + i * ldc + j * WIDTH, sum[i][j]);
      }
    }
  }
}

struct Nothing {
  Nothing() {}  // not trivial: a variable of it is no unused one
};

/** float32 with AVX2: eight sums of eight numbers, of the sixteen registers that such a processor has. */
struct Avx2 : Float32Operands<Lanes256> {
  using InUse = Nothing;
  struct Registers {
    using Register = __m256;
    using Operand = __m256;
    static constexpr int64_t ROWS = 4, COLUMNS = 16, WIDTH = 8;
    static Register zero() { return _mm256_setzero_ps(); }
    static Register load(const float* from) { return _mm256_loadu_ps(from); }
    static void store(float* to, Register x) { _mm256_storeu_ps(to, x); }
    static Operand take(const float* from) { return _mm256_load_ps(from); }
    static Operand spread(const float* from) { return _mm256_broadcast_ss(from); }
    static Register step(Register sum, Operand left, Operand right) { return _mm256_fmadd_ps(left, right, sum); }
  };
  static void block(const float* a, int64_t a_next, const float* b, int64_t b_next, int64_t deep, const float* add, float* c, int64_t ldc) {
    block_in_registers<Registers>(a, a_next, b, b_next, deep, add, c, ldc);
  }
  static bool supported() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
};

#ifdef MDIFF_AVX512
struct Registers512 {
  using Register = __m512;
  static constexpr int64_t ROWS = 8, COLUMNS = 32, WIDTH = 16;
  static Register zero() { return _mm512_setzero_ps(); }
  static Register load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, Register x) { _mm512_storeu_ps(to, x); }
};

/** float32 with AVX-512. */
struct Avx512 : Float32Operands<Lanes512> {
  using InUse = Nothing;
  struct Registers : Registers512 {
    using Operand = __m512;
    static Operand take(const float* from) { return _mm512_load_ps(from); }
    static Operand spread(const float* from) { return _mm512_set1_ps(*from); }
    static Register step(Register sum, Operand left, Operand right) { return _mm512_fmadd_ps(left, right, sum); }
  };
  static void block(const float* a, int64_t a_next, const float* b, int64_t b_next, int64_t deep, const float* add, float* c, int64_t ldc) {
    block_in_registers<Registers>(a, a_next, b, b_next, deep, add, c, ldc);
  }
  static bool supported() { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"); }
};
#endif

#ifdef MDIFF_AVX512_BF16
/** bfloat16 with AVX512-BF16, whose products take the pairs that tiles take. */
struct Avx512Bf16 : Bfloat16Operands {
  using InUse = Nothing;
  struct Registers : Registers512 {
    using Operand = __m512bh;
    static Operand take(const uint16_t* from) { return (__m512bh)_mm512_load_si512(from); }
    static Operand spread(const uint16_t* from) {
      int32_t pair;
      memcpy(&pair, from, sizeof pair);
      return (__m512bh)_mm512_set1_epi32(pair);
    }
    static Register step(Register sum, Operand left, Operand right) { return _mm512_dpbf16_ps(sum, left, right); }
  };
  static void block(const uint16_t* a, int64_t a_next, const uint16_t* b, int64_t b_next, int64_t deep, const float* add, float* c, int64_t ldc) {
    block_in_registers<Registers>(a, a_next, b, b_next, deep, add, c, ldc);
  }
  static bool supported() { return __builtin_cpu_supports("avx512bf16"); }
};
#endif

#ifdef MDIFF_AMX
struct alignas(64) TileConfig {
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t bytes[16] = {};
  uint8_t rows[16] = {};
  TileConfig() {
    for (int i = 0; i < 8; i++) {
      bytes[i] = 64;
      rows[i] = 16;
    }
  }
};
const TileConfig tile_config;

/** Holds the processor's tiles while it lives. */
struct Tiles {
  Tiles() { _tile_loadconfig(&tile_config); }
  ~Tiles() { _tile_release(); }
};

/** bfloat16 with AMX. */
struct Amx : Bfloat16Operands {
  using InUse = Tiles;
  static void block(const uint16_t* a, int64_t a_next, const uint16_t* b, int64_t b_next, int64_t deep, const float* add, float* c, int64_t ldc) {
    const int64_t stride = ldc * 4;
    if (add) {
      _tile_loadd(0, add, stride);
      _tile_loadd(1, add + 16, stride);
      _tile_loadd(2, add + 16 * ldc, stride);
      _tile_loadd(3, add + 16 * ldc + 16, stride);
    } else {
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
    }
    for (int64_t k = 0; k < deep; k++) {
      _tile_loadd(4, a + k * TILE<Amx>, 64);
      _tile_loadd(6, b + k * TILE<Amx>, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, b + b_next + k * TILE<Amx>, 64);
      _tile_dpbf16ps(1, 4, 7);
      _tile_loadd(5, a + a_next + k * TILE<Amx>, 64);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, c, stride);
    _tile_stored(1, c + 16, stride);
    _tile_stored(2, c + 16 * ldc, stride);
    _tile_stored(3, c + 16 * ldc + 16, stride);
  }
  /** Linux lets a process use tiles only on request. */
  static bool supported() { return __builtin_cpu_supports("amx-bf16") && __builtin_cpu_supports("avx512bf16") && syscall(SYS_arch_prctl, 0x1023, 18) == 0; }
};
#endif

/** Tiles along K of which the second-level cache holds a strip. */
constexpr int64_t CHUNK_DEEP = 16;

/**
 * C [M, N] = packed × packed along `deep` tiles, plus `add` if given (C itself or another matrix of its layout). Runs on this thread and needs
 * InUse. The operands may be parts of larger ones, whose tiles along K are left_deep and right_deep.
 */
template <class V>
void multiply(const Element<V>* a, int64_t left_deep, const Element<V>* b, int64_t right_deep, int64_t M, int64_t N, int64_t deep, const float* add, float* c, int64_t ldc) {
  for (int64_t k = 0; k < deep; k += V::DEEP) {
    const int64_t now = std::min(V::DEEP, deep - k);
    const float* const more = k > 0 ? c : add;
    for (int64_t n = 0; n < N; n += 32) {
      for (int64_t m = 0; m < M; m += 32) {
        const Element<V> *left = a + (m / 16 * left_deep + k) * TILE<V>, *right = b + (n / 16 * right_deep + k) * TILE<V>;
        const int64_t at = m * ldc + n;
        if (m + 32 <= M && n + 32 <= N) {
          V::block(left, left_deep * TILE<V>, right, right_deep * TILE<V>, now, more ? more + at : nullptr, c + at, ldc);
          continue;
        }
        alignas(64) float edge[32 * 32];
        const int64_t rows = std::min<int64_t>(32, M - m), columns = std::min<int64_t>(32, N - n);
        if (more) {
          memset(edge, 0, sizeof edge);
          for (int64_t i = 0; i < rows; i++) memcpy(edge + i * 32, more + at + i * ldc, columns * sizeof(float));
        }
        V::block(left, left_deep * TILE<V>, right, right_deep * TILE<V>, now, more ? edge : nullptr, edge, 32);
        for (int64_t i = 0; i < rows; i++) memcpy(c + at + i * ldc, edge + i * 32, columns * sizeof(float));
      }
    }
  }
}

/** The same for operands that are no parts of larger ones. */
template <class V>
void multiply(const Element<V>* a, const Element<V>* b, int64_t M, int64_t N, int64_t K, float* c, int64_t ldc) {
  const int64_t deep = tiles_along<V>(K);
  multiply<V>(a, deep, b, deep, M, N, deep, nullptr, c, ldc);
}

/** C [M, N] = A [M, K] × B [K, N], plus `add` if given (C itself or another matrix of its layout). */
template <class V>
void matmul(Matrix a, Matrix b, const float* add, float* c, int64_t M, int64_t N, int64_t K) {
  static thread_local Scratch operands;
  const int64_t deep = tiles_along<V>(K);
  Element<V>* right = operands.get<Element<V>>(packed_size(N, K) + (a.transposed ? packed_size(M, K) : 0));
  Element<V>* whole = a.transposed ? right + packed_size(N, K) : nullptr;
  pack_right_together<V>(right, b, K, N);
  if (a.transposed) pool().run(parts(K, 128), [=](int64_t part) { pack_left<V>(whole + part * 128 / V::DEPTH * TILE<V>, {a.data + part * 128 * a.ld, a.ld, true}, M, std::min<int64_t>(128, K - part * 128), deep); });
  // A strip of the left operand, a chunk of K long, stays in a core's second-level cache while the right one passes through it: once for each strip.
  const int64_t strip = up(std::clamp<int64_t>(parts(M, pool().threads()), 32, 512), 32);
  pool().run(parts(M, strip), [=](int64_t part) {
    static thread_local Scratch own;
    const int64_t from = part * strip, rows = std::min(strip, M - from);
    Element<V>* const tiles = whole ? nullptr : own.get<Element<V>>(packed_size(rows, std::min(K, CHUNK_DEEP * V::DEPTH)));
    float* const to = c + from * N;
    const typename V::InUse in_use;
    for (int64_t k = 0; k < deep; k += CHUNK_DEEP) {
      const int64_t now = std::min(CHUNK_DEEP, deep - k);
      const Element<V>* left = whole + (from / 16 * deep + k) * TILE<V>;
      if (!whole) {
        pack_left<V>(tiles, {a.data + from * a.ld + k * V::DEPTH, a.ld, false}, rows, std::min(now * V::DEPTH, K - k * V::DEPTH), now);
        left = tiles;
      }
      const int64_t left_deep = whole ? deep : now;
      const float* const more = k > 0 ? to : add ? add + from * N : nullptr;
      // Long stretches of a few rows: blocks of many rows of a wide matrix touch a page for each.
      for (int64_t n = 0; n < N; n += 1024) {
        for (int64_t m = 0; m < rows; m += 32) {
          const int64_t at = m * N + n;
          multiply<V>(left + m / 16 * left_deep * TILE<V>, left_deep, right + (n / 16 * deep + k) * TILE<V>, deep, std::min<int64_t>(32, rows - m), std::min<int64_t>(1024, N - n), now, more ? more + at : nullptr, to + at, N);
        }
      }
    }
  });
}

// ------------------------------------------------------------------------------------------------------------ feed-forward
// y = onto + (silu(x·gate)·(x·up))·down in strips of rows and of inner columns that stay in a core's cache: nothing of shape [N, F] is ever
// written in float32. The gradient computes the inside again.

constexpr int64_t STRIP = 128;

struct FeedForward {
  const float *x, *gate, *raise, *down;
  int64_t N, D, F;
  /** inner columns of one strip: a multiple of 32 */
  int64_t columns() const { return up(parts(F, parts(F, 384)), 32); }
};

/** silu(g)·u as a left operand: g and u [rows, width], width a multiple of 32. */
template <class V>
void pack_gated(Element<V>* to, const float* g, const float* u, int64_t rows, int64_t width) {
  using L = typename V::Lanes;
  for (int64_t i = 0; i < up(rows, 32); i++) {
    for (int64_t k = 0; k < width; k += V::DEPTH) {
      const auto gated = [=](int part) {
        const int64_t at = i * width + k + 16 * part;
        const auto x = L::load(g + at);
        return L::multiply(L::multiply(x, logistic<L>(x)), L::load(u + at));
      };
      L::put(to + (i / 16 * width + k) * 16 + i % 16 * V::DEPTH, i < rows ? V::along(gated) : L::zeros());
    }
  }
}

/** Packed operands of the products with the gradient of silu(g)·u. `inside` is a left operand, dg beside du; the others are parts of larger operands, whose K is rows. */
template <class V>
struct GatedOperands {
  Element<V> *inside, *h_left, *dg_right, *du_right;
  int64_t deep;
};

/** From g, u and the gradient d of silu(g)·u, all [rows, width] with width a multiple of 32: each is read once and nothing is written but operands. */
template <class V>
void pack_gated_gradient(GatedOperands<V> to, const float* g, const float* u, const float* d, int64_t rows, int64_t width) {
  using L = typename V::Lanes;
  struct Gradient {
    typename L::Floats h, dg, du;
  };
  const auto gradient = [=](int64_t row, int64_t column) -> Gradient {
    if (row >= rows) return {L::set(0), L::set(0), L::set(0)};
    const int64_t at = row * width + column;
    const auto x = L::load(g + at), value = L::load(u + at), back = L::load(d + at), sigma = logistic<L>(x), silu = L::multiply(x, sigma);
    const auto slope = L::fuse(silu, L::subtract(L::set(1), sigma), sigma);
    return {L::multiply(silu, value), L::multiply(L::multiply(back, value), slope), L::multiply(back, silu)};
  };
  constexpr int64_t D = V::DEPTH, COUNT = EACH<V>;
  typename L::Row h[COUNT][16];
  for (int64_t from = 0; from < up(rows, 32); from += D) {
    for (int64_t k = 0; k < width; k += D) {
      const int64_t across = (k / 16 * to.deep + from / D) * TILE<V>;
      for (int64_t i = 0; i < 16; i++) {
        const int64_t row = from + COUNT * i;
        Gradient part[COUNT][COUNT];  // of one row, of sixteen columns
        for (int64_t one = 0; one < COUNT; one++)
          for (int64_t of = 0; of < COUNT; of++) part[one][of] = gradient(row + one, k + 16 * of);
        for (int64_t of = 0; of < COUNT; of++) {
          const int64_t place = across + of * to.deep * TILE<V> + D * i;
          h[of][i] = V::across([&](int one) { return part[one][of].h; });
          L::put(to.dg_right + place, V::across([&](int one) { return part[one][of].dg; }));
          L::put(to.du_right + place, V::across([&](int one) { return part[one][of].du; }));
        }
        for (int64_t one = 0; one < COUNT; one++) {
          Element<V>* const dg = to.inside + (row / 16 * 2 * width + k) * 16 + (row % 16 + one) * D;
          L::put(dg, V::along([&](int of) { return part[one][of].dg; }));
          L::put(dg + width * 16, V::along([&](int of) { return part[one][of].du; }));
        }
      }
      for (int64_t of = 0; of < COUNT; of++) {
        L::transpose(h[of]);
        put<V>(to.h_left + across + of * to.deep * TILE<V>, h[of]);
      }
    }
  }
}

template <class V>
void feed_forward(const FeedForward& f, const float* onto, float* y) {
  static thread_local Scratch operands;
  const int64_t N = f.N, D = f.D, F = f.F, wide = packed_size(F, D), deep = tiles_along<V>(D), inner = tiles_along<V>(F), columns = f.columns();
  Element<V> *gate = operands.get<Element<V>>(3 * wide), *raise = gate + wide, *down = raise + wide;
  pack_right_together<V>(gate, {f.gate, F, false}, D, F);
  pack_right_together<V>(raise, {f.raise, F, false}, D, F);
  pack_right_together<V>(down, {f.down, D, false}, F, D);
  pool().run(parts(N, STRIP), [=](int64_t part) {
    static thread_local Scratch floats, tiles;
    const int64_t from = part * STRIP, rows = std::min(STRIP, N - from);
    float *g = floats.get<float>(2 * STRIP * columns), *u = g + STRIP * columns;
    Element<V> *x = tiles.get<Element<V>>(packed_size(STRIP, D) + packed_size(STRIP, columns)), *h = x + packed_size(STRIP, D);
    pack_left<V>(x, {f.x + from * D, D, false}, rows, D);
    float* to = y + from * D;
    const typename V::InUse in_use;
    for (int64_t c = 0; c < up(F, 32); c += columns) {
      const int64_t width = std::min(columns, up(F, 32) - c);
      multiply<V>(x, deep, gate + c / 16 * deep * TILE<V>, deep, rows, width, deep, nullptr, g, width);
      multiply<V>(x, deep, raise + c / 16 * deep * TILE<V>, deep, rows, width, deep, nullptr, u, width);
      pack_gated<V>(h, g, u, rows, width);
      multiply<V>(h, width / V::DEPTH, down + c / V::DEPTH * TILE<V>, inner, rows, D, width / V::DEPTH, c > 0 ? to : onto + from * D, to, D);
    }
  });
}

template <class V>
void feed_forward_gradient(const FeedForward& f, const float* dy, float* dx, float* dgate, float* dup, float* ddown) {
  static thread_local Scratch operands;
  const int64_t N = f.N, D = f.D, F = f.F, wide = packed_size(F, D), deep = tiles_along<V>(D), inner = tiles_along<V>(F), columns = f.columns();
  const int64_t tall = packed_size(N, F), thin = packed_size(N, D), long_deep = tiles_along<V>(N);
  Element<V>* gate = operands.get<Element<V>>(5 * wide + 3 * tall + 2 * thin);
  // The last operand holds the transposes of gate and up, strip beside strip, so that one product runs along both.
  Element<V> *raise = gate + wide, *down_back = raise + wide, *back = down_back + wide;
  // Operands of the gradients of the weights, whose K is N.
  Element<V> *x_left = back + 2 * wide, *dy_right = x_left + thin, *h_left = dy_right + thin, *dg_right = h_left + tall, *du_right = dg_right + tall;
  pack_right_together<V>(gate, {f.gate, F, false}, D, F);
  pack_right_together<V>(raise, {f.raise, F, false}, D, F);
  pack_right_together<V>(down_back, {f.down, D, true}, D, F);
  for (int64_t c = 0; c < up(F, 32); c += columns) {
    const int64_t width = std::min(columns, up(F, 32) - c);
    pack_right_together<V>(back + 2 * c / V::DEPTH * TILE<V>, {f.gate + c, F, true}, std::min(width, F - c), D, 2 * inner);
    pack_right_together<V>(back + (2 * c + width) / V::DEPTH * TILE<V>, {f.raise + c, F, true}, std::min(width, F - c), D, 2 * inner);
  }
  pool().run(parts(N, STRIP), [=](int64_t part) {
    static thread_local Scratch floats, tiles;
    const int64_t from = part * STRIP, rows = std::min(STRIP, N - from), at = from / V::DEPTH;
    float *g = floats.get<float>(3 * STRIP * columns), *u = g + STRIP * columns, *d = u + STRIP * columns;
    Element<V> *x = tiles.get<Element<V>>(2 * packed_size(STRIP, D) + 2 * packed_size(STRIP, columns)), *y = x + packed_size(STRIP, D), *inside = y + packed_size(STRIP, D);
    pack_left<V>(x, {f.x + from * D, D, false}, rows, D);
    pack_left<V>(y, {dy + from * D, D, false}, rows, D);
    pack_left<V>(x_left + at * TILE<V>, {f.x + from * D, D, true}, D, rows, long_deep);
    pack_right<V>(dy_right + at * TILE<V>, {dy + from * D, D, false}, rows, D, long_deep);
    float* to = dx + from * D;
    const typename V::InUse in_use;
    for (int64_t c = 0; c < up(F, 32); c += columns) {
      const int64_t width = std::min(columns, up(F, 32) - c);
      multiply<V>(x, deep, gate + c / 16 * deep * TILE<V>, deep, rows, width, deep, nullptr, g, width);
      multiply<V>(x, deep, raise + c / 16 * deep * TILE<V>, deep, rows, width, deep, nullptr, u, width);
      multiply<V>(y, deep, down_back + c / 16 * deep * TILE<V>, deep, rows, width, deep, nullptr, d, width);
      const int64_t place = (c / 16 * long_deep + at) * TILE<V>;
      pack_gated_gradient<V>({inside, h_left + place, dg_right + place, du_right + place, long_deep}, g, u, d, rows, width);
      multiply<V>(inside, 2 * width / V::DEPTH, back + 2 * c / V::DEPTH * TILE<V>, 2 * inner, rows, D, 2 * width / V::DEPTH, c > 0 ? to : nullptr, to, D);
    }
  });
  // dgate and dup [D, F] in strips of D, ddown [F, D] in strips of F.
  const int64_t strip = 128, across = parts(D, strip);
  pool().run(2 * across + parts(F, strip), [=](int64_t task) {
    const typename V::InUse in_use;
    const bool last = task >= 2 * across, second = task >= across;
    const int64_t from = (last ? task - 2 * across : second ? task - across : task) * strip;
    if (last) {
      multiply<V>(h_left + from / 16 * long_deep * TILE<V>, long_deep, dy_right, long_deep, std::min(strip, F - from), D, long_deep, nullptr, ddown + from * D, D);
    } else {
      multiply<V>(x_left + from / 16 * long_deep * TILE<V>, long_deep, second ? du_right : dg_right, long_deep, std::min(strip, D - from), F, long_deep, nullptr, (second ? dup : dgate) + from * F, F);
    }
  });
}

// --------------------------------------------------------------------------------------------------------------- attention

/** Heads H of width K in x [B·S, H·K]; pairs may attend inside a segment, and only backwards when causal. */
struct Heads {
  const int32_t* segments;
  bool causal;
  /** [S, K]: cosines and signed sines of the rotation, those of the query with 1/√K in them */
  const float *query_cos, *query_sin, *key_cos, *key_sin;
  int64_t B, S, H, K;
};

/** y [S, K] = the rotated rows of one head. */
void rotate(const float* x, int64_t ld, const float* cos, const float* sin, float* y, int64_t S, int64_t K) {
  const int64_t half = K / 2;
  for (int64_t s = 0; s < S; s++) {
    const float *row = x + s * ld, *c = cos + s * K, *d = sin + s * K;
    float* to = y + s * K;
#pragma omp simd
    for (int64_t i = 0; i < half; i++) {
      const float one = row[i], two = row[i + half];
      to[i] = one * c[i] + two * d[i];
      to[i + half] = two * c[i + half] + one * d[i + half];
    }
  }
}

/** The transpose of `rotate`, from dy [S, K] into the rows of one head. */
void rotate_back(const float* dy, const float* cos, const float* sin, float* dx, int64_t ld, int64_t S, int64_t K) {
  const int64_t half = K / 2;
  for (int64_t s = 0; s < S; s++) {
    const float *row = dy + s * K, *c = cos + s * K, *d = sin + s * K;
    float* to = dx + s * ld;
#pragma omp simd
    for (int64_t i = 0; i < half; i++) {
      const float one = row[i], two = row[i + half];
      to[i] = one * c[i] + two * d[i + half];
      to[i + half] = two * c[i + half] + one * d[i];
    }
  }
}

/** Scores [S, S] become weights: a softmax over the pairs that may attend, exactly 0 elsewhere. */
template <class V>
void weigh(float* scores, int64_t ld, const int32_t* segments, bool causal, int64_t S) {
  using L = typename V::Lanes;
  for (int64_t q = 0; q < S; q++) {
    float* row = scores + q * ld;
    const int64_t end = causal ? q + 1 : S;
    const auto attends = [=](int64_t k) { return L::equal(segments[q], segments + k, L::first(end - k)); };
    auto most = L::set(-INFINITY), sum = L::set(0);
    for (int64_t k = 0; k < end; k += 16) {
      const auto mask = attends(k);
      most = L::larger(most, L::load(row + k, mask), mask);
    }
    most = L::set(L::largest(most));
    for (int64_t k = 0; k < S; k += 16) {
      const auto mask = attends(k);
      const auto e = L::keep(L::exponential(L::subtract(L::load(row + k, mask), most)), mask);
      L::store(row + k, e, L::first(S - k));
      sum = L::add(sum, e);
    }
    const auto scale = L::set(1.0f / L::sum(sum));
    for (int64_t k = 0; k < end; k += 16) {
      const auto inside = L::first(end - k);
      L::store(row + k, L::multiply(scale, L::load(row + k, inside)), inside);
    }
  }
}

/** For one head: rotated query and key [S, K], weights [S, S]. */
struct Head {
  float *query, *key, *weights;
};

/** weights [S, S] of one head, with leading dimension S. */
template <class V>
void attend_weights(const Head& head, Element<V>* left, Element<V>* right, const Heads& at, const float* q, const float* k, int64_t b) {
  const int64_t S = at.S, K = at.K, ld = at.H * K;
  rotate(q, ld, at.query_cos, at.query_sin, head.query, S, K);
  rotate(k, ld, at.key_cos, at.key_sin, head.key, S, K);
  pack_left<V>(left, {head.query, K, false}, S, K);
  pack_right<V>(right, {head.key, K, true}, K, S);
  multiply<V>(left, right, S, S, K, head.weights, S);
  weigh<V>(head.weights, S, at.segments + b * S, at.causal, S);
}

/** Attention with its projections: y = onto + heads(x·q, x·k, x·v)·o, one sequence at a time, so that its intermediate values stay in a core's cache. */
struct SelfAttention {
  const float *x, *q, *k, *v, *o;
  Heads heads;
};

template <class V>
void self_attention(const SelfAttention& f, const float* onto, float* y) {
  static thread_local Scratch operands;
  const Heads at = f.heads;
  const int64_t S = at.S, K = at.K, D = at.H * K, deep = tiles_along<V>(D), square = packed_size(D, D);
  Element<V>* weights = operands.get<Element<V>>(4 * square);
  const float* matrices[] = {f.q, f.k, f.v, f.o};
  for (int i = 0; i < 4; i++) pack_right_together<V>(weights + i * square, {matrices[i], D, false}, D, D);
  pool().run(at.B, [=](int64_t b) {
    static thread_local Scratch floats, tiles;
    const int64_t packed = std::max(packed_size(S, S), packed_size(S, D));
    float* memory = floats.get<float>(4 * S * D + S * S + 2 * S * K);
    float *q = memory, *k = q + S * D, *v = k + S * D, *out = v + S * D, *P = out + S * D;
    const Head head{P + S * S, P + S * S + S * K, P};
    Element<V> *left = tiles.get<Element<V>>(2 * packed), *right = left + packed;
    const typename V::InUse in_use;
    pack_left<V>(left, {f.x + b * S * D, D, false}, S, D);
    float* const projected[] = {q, k, v};
    for (int i = 0; i < 3; i++) multiply<V>(left, deep, weights + i * square, deep, S, D, deep, nullptr, projected[i], D);
    for (int64_t h = 0; h < at.H; h++) {
      attend_weights<V>(head, left, right, at, q + h * K, k + h * K, b);
      pack_left<V>(left, {P, S, false}, S, S);
      pack_right<V>(right, {v + h * K, D, false}, S, K);
      multiply<V>(left, right, S, K, S, out + h * K, D);
    }
    pack_left<V>(left, {out, D, false}, S, D);
    multiply<V>(left, deep, weights + 3 * square, deep, S, D, deep, onto + b * S * D, y + b * S * D, D);
  });
}

/** With P the weights of a head: dS = P(dP − Σ P·dP), dP = dO·vᵀ. Projections and weights are computed again, which is cheaper than to read them. */
template <class V>
void self_attention_gradient(const SelfAttention& f, const float* dy, float* dx, const std::array<float*, 4>& dweights) {
  static thread_local Scratch operands;
  const Heads at = f.heads;
  const int64_t S = at.S, K = at.K, D = at.H * K, deep = tiles_along<V>(D), square = packed_size(D, D);
  // Sequences begin at whole tiles of the sums over all positions.
  const int64_t tile_rows = tiles_along<V>(S), long_deep = at.B * tile_rows, thin = up(D, 32) * long_deep * V::DEPTH;
  Element<V>* const weights = operands.get<Element<V>>(7 * square + 6 * thin);
  const float* matrices[] = {f.q, f.k, f.v};
  // The operands of dx lie one above the other, so that one product runs along all three.
  Element<V> *const back = weights + 3 * square, *const o_back = back + 3 * square;
  for (int i = 0; i < 3; i++) {
    pack_right_together<V>(weights + i * square, {matrices[i], D, false}, D, D);
    pack_right_together<V>(back + i * deep * TILE<V>, {matrices[i], D, true}, D, D, 3 * deep);
  }
  pack_right_together<V>(o_back, {f.o, D, true}, D, D);
  Element<V> *x_left = o_back + square, *out_left = x_left + thin, *moved_right = out_left + thin, *dy_right = moved_right + 3 * thin;
  pool().run(at.B, [=](int64_t b) {
    static thread_local Scratch floats, tiles;
    const int64_t packed = std::max(packed_size(S, S), 3 * packed_size(S, D)), small = packed_size(S, K), start = b * S * D, first_tile = b * tile_rows * TILE<V>;
    float* memory = floats.get<float>(4 * S * D + 2 * S * S + 3 * S * K);
    // A head's columns of x·q, x·k, x·v and dy·oᵀ are read once. The gradients overwrite the first three, and the head's output overwrites dy·oᵀ.
    float *q = memory, *k = q + S * D, *v = k + S * D, *out = v + S * D;
    float *P = out + S * D, *dscores = P + S * S, *turned = dscores + S * S;
    const Head head{turned + S * K, turned + 2 * S * K, P};
    Element<V> *left = tiles.get<Element<V>>(2 * packed + 4 * small), *right = left + packed;
    Element<V> *v_right = right + packed, *v_back = v_right + small, *dout_left = v_back + small, *dout_right = dout_left + small;
    const typename V::InUse in_use;
    pack_left<V>(left, {f.x + start, D, false}, S, D);
    float* const projected[] = {q, k, v};
    for (int i = 0; i < 3; i++) multiply<V>(left, deep, weights + i * square, deep, S, D, deep, nullptr, projected[i], D);
    pack_left<V>(left, {dy + start, D, false}, S, D);
    multiply<V>(left, deep, o_back, deep, S, D, deep, nullptr, out, D);
    for (int64_t h = 0; h < at.H; h++) {
      const int64_t column = h * K;
      attend_weights<V>(head, left, right, at, q + column, k + column, b);
      pack_right<V>(v_right, {v + column, D, false}, S, K);
      pack_right<V>(v_back, {v + column, D, true}, K, S);
      pack_left<V>(dout_left, {out + column, D, false}, S, K);
      pack_right<V>(dout_right, {out + column, D, false}, S, K);
      pack_left<V>(left, {P, S, false}, S, S);
      multiply<V>(left, v_right, S, K, S, out + column, D);
      pack_left<V>(left, {P, S, true}, S, S);
      multiply<V>(left, dout_right, S, K, S, v + column, D);
      multiply<V>(dout_left, v_back, S, S, K, dscores, S);
      for (int64_t i = 0; i < S; i++) {
        const float* p = P + i * S;
        float *d = dscores + i * S, inner = 0;
#pragma omp simd reduction(+ : inner)
        for (int64_t j = 0; j < S; j++) inner += p[j] * d[j];
#pragma omp simd
        for (int64_t j = 0; j < S; j++) d[j] = p[j] * (d[j] - inner);
      }
      pack_left<V>(left, {dscores, S, false}, S, S);
      pack_right<V>(right, {head.key, K, false}, S, K);
      multiply<V>(left, right, S, K, S, turned, K);
      rotate_back(turned, at.query_cos, at.query_sin, q + column, D, S, K);
      pack_left<V>(left, {dscores, S, true}, S, S);
      pack_right<V>(right, {head.query, K, false}, S, K);
      multiply<V>(left, right, S, K, S, turned, K);
      rotate_back(turned, at.key_cos, at.key_sin, k + column, D, S, K);
    }
    for (int i = 0; i < 3; i++) {
      pack_left<V>(left + i * deep * TILE<V>, {projected[i], D, false}, S, D, 3 * deep);
      pack_right<V>(moved_right + i * thin + first_tile, {projected[i], D, false}, S, D, long_deep);
    }
    multiply<V>(left, 3 * deep, back, 3 * deep, S, D, 3 * deep, nullptr, dx + start, D);
    pack_left<V>(x_left + first_tile, {f.x + start, D, true}, D, S, long_deep);
    pack_left<V>(out_left + first_tile, {out, D, true}, D, S, long_deep);
    pack_right<V>(dy_right + first_tile, {dy + start, D, false}, S, D, long_deep);
  });
  const int64_t strip = 128, across = parts(D, strip);
  pool().run(4 * across, [=](int64_t task) {
    const typename V::InUse in_use;
    const int64_t which = task / across, from = task % across * strip;
    const Element<V> *left = which == 3 ? out_left : x_left, *right = which == 3 ? dy_right : moved_right + which * thin;
    multiply<V>(left + from / 16 * long_deep * TILE<V>, long_deep, right, long_deep, std::min(strip, D - from), D, long_deep, nullptr, dweights[which] + from * D, D);
  });
}

#endif

// ------------------------------------------------------------------------------------------------- registered in TensorFlow

/** One run of one operation. After the first failure `ok` is false and every call does nothing. */
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context), status_(TF_NewStatus()) {}
  ~Call() {
    if (!ok()) TF_OpKernelContext_Failure(context_, status_);
    for (TF_Tensor* tensor : held_) TF_DeleteTensor(tensor);
    TF_DeleteStatus(status_);
  }
  Call(const Call&) = delete;
  bool ok() const { return TF_GetCode(status_) == TF_OK; }
  void fail(const char* message) {
    if (ok()) TF_SetStatus(status_, TF_INVALID_ARGUMENT, message);
  }
  bool expect(bool holds, const char* message) {
    if (!holds) fail(message);
    return ok();
  }
  /** Sizes of an input; keeps no reference to it, so that its memory may still become an output's. */
  std::vector<int64_t> shape(int index) {
    TF_Tensor* tensor = nullptr;
    if (ok()) TF_GetInput(context_, index, &tensor, status_);
    std::vector<int64_t> dims;
    if (!ok()) return dims;
    for (int i = 0; i < TF_NumDims(tensor); i++) dims.push_back(TF_Dim(tensor, i));
    TF_DeleteTensor(tensor);
    return dims;
  }
  template <class T>
  const T* input(int index) {
    TF_Tensor* tensor = nullptr;
    if (ok()) TF_GetInput(context_, index, &tensor, status_);
    if (!ok()) return nullptr;
    held_.push_back(tensor);
    return static_cast<const T*>(TF_TensorData(tensor));
  }
  float* output(int index, const std::vector<int64_t>& dims) {
    if (!ok()) return nullptr;
    int64_t count = 1;
    for (int64_t dim : dims) count *= dim;
    return hold(TF_AllocateOutput(context_, index, TF_FLOAT, dims.data(), static_cast<int>(dims.size()), count * sizeof(float), status_));
  }
  /** An output in the memory of an input that nothing else reads, otherwise in new memory. */
  float* output_over(int index, int input, const std::vector<int64_t>& dims) {
    if (!ok()) return nullptr;
    int forwarded = -1;
    return hold(TF_ForwardInputOrAllocateOutput(context_, &input, 1, index, dims.data(), static_cast<int>(dims.size()), &forwarded, status_));
  }

 private:
  float* hold(TF_Tensor* tensor) {
    if (!ok()) return nullptr;
    held_.push_back(tensor);
    return static_cast<float*>(TF_TensorData(tensor));
  }
  TF_OpKernelContext* context_;
  TF_Status* status_;
  std::vector<TF_Tensor*> held_;
};

int64_t product(const std::vector<int64_t>& dims) {
  int64_t count = 1;
  for (int64_t dim : dims) count *= dim;
  return count;
}

struct Attributes {
  float eps = 0;
  bool transpose_a = false, transpose_b = false;
};

void compute_swiglu(Attributes, Call& call) {
  const auto dims = call.shape(0);
  if (!call.expect(call.shape(1) == dims, "swiglu: gate and up differ in shape")) return;
  const float *gate = call.input<float>(0), *up = call.input<float>(1);
  float* y = call.output(0, dims);
  if (call.ok()) swiglu(gate, up, y, product(dims));
}

void compute_swiglu_gradient(Attributes, Call& call) {
  const auto dims = call.shape(0);
  if (!call.expect(call.shape(1) == dims && call.shape(2) == dims, "swiglu gradient: shapes differ")) return;
  float *dgate = call.output_over(0, 0, dims), *dup = call.output_over(1, 1, dims);
  const float *gate = call.input<float>(0), *up = call.input<float>(1), *dy = call.input<float>(2);
  if (call.ok()) swiglu_gradient(gate, up, dy, dgate, dup, product(dims));
}

void compute_rms_norm(Attributes attributes, Call& call) {
  const auto dims = call.shape(0);
  if (!call.expect(dims.size() == 2 && product(call.shape(1)) == dims[1], "rms_norm: expected x [N, D] and gain [D]")) return;
  const float *x = call.input<float>(0), *gain = call.input<float>(1);
  float* y = call.output(0, dims);
  if (call.ok()) rms_norm(x, gain, attributes.eps, y, dims[0], dims[1]);
}

void compute_rms_norm_gradient(Attributes attributes, Call& call) {
  const auto dims = call.shape(0);
  if (!call.expect(dims.size() == 2 && product(call.shape(1)) == dims[1] && call.shape(2) == dims, "rms_norm gradient: expected x and dy [N, D], gain [D]")) return;
  const float *x = call.input<float>(0), *gain = call.input<float>(1), *dy = call.input<float>(2);
  float *dx = call.output(0, dims), *dgain = call.output(1, {dims[1]});
  if (call.ok()) rms_norm_gradient(x, gain, attributes.eps, dy, nullptr, dx, dgain, dims[0], dims[1]);
}

void compute_softmax(Attributes, Call& call) {
  const auto dims = call.shape(0);
  if (!call.expect(dims.size() == 2, "softmax: expected [N, V]")) return;
  float* y = call.output_over(0, 0, dims);
  const float* x = call.input<float>(0);
  if (!call.ok()) return;
  if (x != y) memcpy(y, x, product(dims) * sizeof(float));
  softmax(y, dims[0], dims[1]);
}

/** Overwrites its first three inputs, which are the memory of variables. */
void compute_adamw(Attributes, Call& call) {
  const auto dims = call.shape(0);
  if (!call.expect(call.shape(1) == dims && call.shape(2) == dims && call.shape(3) == dims, "adamw: shapes differ")) return;
  float* state[3];
  for (int i = 0; i < 3; i++) state[i] = const_cast<float*>(call.input<float>(i));
  const float* g = call.input<float>(3);
  const float* numbers[6];
  for (int i = 0; i < 6; i++) numbers[i] = call.input<float>(4 + i);
  float* done = call.output(0, {});
  if (!call.ok()) return;
  adamw(state[0], state[1], state[2], g, {*numbers[0], *numbers[1], *numbers[2], *numbers[3], *numbers[4], *numbers[5]}, product(dims));
  *done = 1;
}

void compute_convolution(Attributes, Call& call) {
  const auto dims = call.shape(0), weight = call.shape(1), segments = call.shape(2);
  if (!call.expect(dims.size() == 2 && weight.size() == 2 && weight[1] == dims[1] && weight[0] % 2 == 1 && segments.size() == 2 && product(segments) == dims[0],
                   "convolution: expected x [B·S, D], weight [W, D] with W odd, segments [B, S]"))
    return;
  const float *x = call.input<float>(0), *w = call.input<float>(1);
  const int32_t* own = call.input<int32_t>(2);
  const float* causal = call.input<float>(3);
  float* y = call.output(0, dims);
  if (call.ok()) convolve(x, w, {own, causal[0] > 0, segments[1]}, y, segments[0], dims[1], weight[0]);
}

void compute_convolution_gradient(Attributes, Call& call) {
  const auto dims = call.shape(0), weight = call.shape(1), segments = call.shape(2);
  if (!call.expect(dims.size() == 2 && weight.size() == 2 && weight[1] == dims[1] && weight[0] % 2 == 1 && segments.size() == 2 && product(segments) == dims[0] && call.shape(4) == dims,
                   "convolution gradient: expected x and dy [B·S, D], weight [W, D] with W odd, segments [B, S]"))
    return;
  const float *x = call.input<float>(0), *w = call.input<float>(1);
  const int32_t* own = call.input<int32_t>(2);
  const float *causal = call.input<float>(3), *dy = call.input<float>(4);
  float *dx = call.output(0, dims), *dw = call.output(1, weight);
  if (call.ok()) convolve_gradient(x, w, {own, causal[0] > 0, segments[1]}, dy, dx, dw, segments[0], dims[1], weight[0]);
}

#ifdef MDIFF_PRODUCTS
template <class V, bool add>
void compute_product(Attributes attributes, Call& call) {
  const auto a = call.shape(0), b = call.shape(1);
  if (!call.expect(a.size() == 2 && b.size() == 2, "product: expected two matrices")) return;
  const int64_t M = a[attributes.transpose_a], K = a[!attributes.transpose_a], N = b[!attributes.transpose_b];
  if (!call.expect(b[attributes.transpose_b] == K && (!add || call.shape(2) == std::vector<int64_t>{M, N}), "product: sizes do not fit")) return;
  float* c = add ? call.output_over(0, 2, {M, N}) : call.output(0, {M, N});
  const float *left = call.input<float>(0), *right = call.input<float>(1), *more = add ? call.input<float>(2) : nullptr;
  if (!call.ok()) return;
  if (K == 0 && !add) memset(c, 0, M * N * sizeof(float));
  matmul<V>({left, a[1], attributes.transpose_a}, {right, b[1], attributes.transpose_b}, more, c, M, N, K);
}

/** Inputs gate and up [D, F], down [F, D] after x [N, D]; then onto or dy [N, D]. */
bool open_feed_forward(Call& call, FeedForward& f) {
  const auto x = call.shape(0), gate = call.shape(1);
  const bool fits = x.size() == 2 && gate.size() == 2 && gate[0] == x[1] && call.shape(2) == gate && call.shape(3) == std::vector<int64_t>{gate[1], x[1]} && call.shape(4) == x;
  if (!call.expect(fits, "feed-forward: expected x [N, D], gate and up [D, F], down [F, D] and a last input like x")) return false;
  f = {call.input<float>(0), call.input<float>(1), call.input<float>(2), call.input<float>(3), x[0], x[1], gate[1]};
  return call.ok();
}

template <class V>
void compute_feed_forward(Attributes, Call& call) {
  float* y = call.output_over(0, 4, call.shape(4));
  FeedForward f;
  if (!open_feed_forward(call, f)) return;
  const float* onto = call.input<float>(4);
  if (call.ok()) feed_forward<V>(f, onto, y);
}

template <class V>
void compute_feed_forward_gradient(Attributes, Call& call) {
  FeedForward f;
  if (!open_feed_forward(call, f)) return;
  const float* dy = call.input<float>(4);
  float *dx = call.output(0, {f.N, f.D}), *dgate = call.output(1, {f.D, f.F}), *dup = call.output(2, {f.D, f.F}), *ddown = call.output(3, {f.F, f.D});
  if (call.ok()) feed_forward_gradient<V>(f, dy, dx, dgate, dup, ddown);
}

/** Inputs q, k, v, o [D, D] after x [B·S, D]; then onto or dy like x, segments [B, S], causal, and the four tables [S, K]. */
bool open_self_attention(Call& call, SelfAttention& f) {
  const auto x = call.shape(0), segments = call.shape(6), table = call.shape(8);
  if (!call.expect(x.size() == 2 && call.shape(5) == x && segments.size() == 2 && product(segments) == x[0], "attention: expected x [B·S, D], a sixth input like x, segments [B, S]")) return false;
  for (int i = 1; i < 5; i++)
    if (!call.expect(call.shape(i) == std::vector<int64_t>{x[1], x[1]}, "attention: expected q, k, v, o [D, D]")) return false;
  for (int i = 8; i < 12; i++)
    if (!call.expect(call.shape(i) == table && table.size() == 2 && table[0] == segments[1] && table[1] > 0 && table[1] % 2 == 0 && x[1] % table[1] == 0, "attention: expected tables [S, K] with K even")) return false;
  f.x = call.input<float>(0);
  f.q = call.input<float>(1);
  f.k = call.input<float>(2);
  f.v = call.input<float>(3);
  f.o = call.input<float>(4);
  const int32_t* own = call.input<int32_t>(6);
  const float *causal = call.input<float>(7), *query_cos = call.input<float>(8), *query_sin = call.input<float>(9), *key_cos = call.input<float>(10), *key_sin = call.input<float>(11);
  if (call.ok()) f.heads = {own, causal[0] > 0, query_cos, query_sin, key_cos, key_sin, segments[0], segments[1], x[1] / table[1], table[1]};
  return call.ok();
}

template <class V>
void compute_self_attention(Attributes, Call& call) {
  float* y = call.output_over(0, 5, call.shape(5));
  SelfAttention f;
  if (!open_self_attention(call, f)) return;
  const float* onto = call.input<float>(5);
  if (call.ok()) self_attention<V>(f, onto, y);
}

template <class V>
void compute_self_attention_gradient(Attributes, Call& call) {
  SelfAttention f;
  if (!open_self_attention(call, f)) return;
  const float* dy = call.input<float>(5);
  const int64_t D = f.heads.H * f.heads.K;
  float *dx = call.output(0, {f.heads.B * f.heads.S, D}), *dq = call.output(1, {D, D}), *dk = call.output(2, {D, D}), *dv = call.output(3, {D, D}), *dout = call.output(4, {D, D});
  if (call.ok()) self_attention_gradient<V>(f, dy, dx, {dq, dk, dv, dout});
}
#endif

// ------------------------------------------------------------------------------------------------------------ registration

/** What packages/engine/src/tensorflow/kernels.ts reads in the compiled file, which it does not load: a compiler may know fewer instructions than the processor has. */
__attribute__((used)) const char compiled_variants[] =
    "mdiff products:"
#ifdef MDIFF_AMX
    " amx"
#endif
#ifdef MDIFF_AVX512_BF16
    " avx512_bf16"
#endif
#ifdef MDIFF_AVX512
    " avx512"
#endif
#ifdef MDIFF_PRODUCTS
    " avx2"
#endif
    ;

template <void (*compute)(Attributes, Call&)>
void run(void* kernel, TF_OpKernelContext* context) {
  Call call(context);
  compute(*static_cast<Attributes*>(kernel), call);
}

bool attribute(TF_OpKernelConstruction* construction, const char* name, TF_Status* status) {
  const bool has = TF_OpKernelConstruction_HasAttr(construction, name, status);
  return has && TF_GetCode(status) == TF_OK;
}

void* create(TF_OpKernelConstruction* construction) {
  auto* attributes = new Attributes;
  TF_Status* status = TF_NewStatus();
  if (attribute(construction, "eps", status)) TF_OpKernelConstruction_GetAttrFloat(construction, "eps", &attributes->eps, status);
  unsigned char value = 0;
  if (attribute(construction, "transpose_a", status)) {
    TF_OpKernelConstruction_GetAttrBool(construction, "transpose_a", &value, status);
    attributes->transpose_a = value != 0;
    TF_OpKernelConstruction_GetAttrBool(construction, "transpose_b", &value, status);
    attributes->transpose_b = value != 0;
  }
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return attributes;
}

void destroy(void* kernel) { delete static_cast<Attributes*>(kernel); }

void any_shape(TF_ShapeInferenceContext* context, TF_Status* status) { TF_ShapeInferenceContextSetUnknownShape(context, status); }

/** @returns TensorFlow's error message, or an empty text */
std::string add(const char* name, const std::vector<const char*>& inputs, const std::vector<const char*>& outputs, const std::vector<const char*>& attributes, void (*compute)(void*, TF_OpKernelContext*), bool stateful = false) {
  TF_Status* status = TF_NewStatus();
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(name);
  for (const char* attr : attributes) TF_OpDefinitionBuilderAddAttr(definition, attr);
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* output : outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, any_shape);
  if (stateful) TF_OpDefinitionBuilderSetIsStateful(definition, true);
  TF_RegisterOpDefinition(definition, status);
  if (TF_GetCode(status) == TF_OK) TF_RegisterKernelBuilder(name, TF_NewKernelBuilder(name, "CPU", create, compute, destroy), status);
  std::string said = TF_GetCode(status) == TF_OK ? "" : TF_Message(status);
  TF_DeleteStatus(status);
  return said;
}

using List = std::vector<const char*>;

/** Registers operations until one fails; the names of the variants of products among them. */
struct Registration {
  std::string failure;
  List variants;
  void op(const std::string& name, const List& inputs, const List& outputs, const List& attributes, void (*compute)(void*, TF_OpKernelContext*), bool stateful = false) {
    if (failure.empty()) failure = add(name.c_str(), inputs, outputs, attributes, compute, stateful);
  }
#ifdef MDIFF_PRODUCTS
  /** The operations that contain products, if this processor has the instructions; their names end in `suffix`. */
  template <class V>
  void products(const char* variant, const std::string& suffix) {
    if (!failure.empty() || !V::supported()) return;
    const List transposes{"transpose_a: bool", "transpose_b: bool"}, attention{"segments: int32", "causal: float", "query_cos: float", "query_sin: float", "key_cos: float", "key_sin: float"};
    const auto and_attention = [&](List first) {
      first.insert(first.end(), attention.begin(), attention.end());
      return first;
    };
    op("MdiffProduct" + suffix, {"a: float", "b: float"}, {"c: float"}, transposes, run<compute_product<V, false>>);
    op("MdiffProductAdd" + suffix, {"a: float", "b: float", "add: float"}, {"c: float"}, transposes, run<compute_product<V, true>>);
    op("MdiffFeedForward" + suffix, {"x: float", "gate: float", "up: float", "down: float", "onto: float"}, {"y: float"}, {}, run<compute_feed_forward<V>>);
    op("MdiffFeedForwardGrad" + suffix, {"x: float", "gate: float", "up: float", "down: float", "dy: float"}, {"dx: float", "dgate: float", "dup: float", "ddown: float"}, {}, run<compute_feed_forward_gradient<V>>);
    op("MdiffSelfAttention" + suffix, and_attention({"x: float", "q: float", "k: float", "v: float", "o: float", "onto: float"}), {"y: float"}, {}, run<compute_self_attention<V>>);
    op("MdiffSelfAttentionGrad" + suffix, and_attention({"x: float", "q: float", "k: float", "v: float", "o: float", "dy: float"}), {"dx: float", "dq: float", "dk: float", "dv: float", "do: float"}, {}, run<compute_self_attention_gradient<V>>);
    variants.push_back(variant);
  }
#endif
};

Registration register_all() {
  Registration all;
  all.op("MdiffSwiglu", {"gate: float", "up: float"}, {"y: float"}, {}, run<compute_swiglu>);
  all.op("MdiffSwigluGrad", {"gate: float", "up: float", "dy: float"}, {"dgate: float", "dup: float"}, {}, run<compute_swiglu_gradient>);
  all.op("MdiffRmsNorm", {"x: float", "gain: float"}, {"y: float"}, {"eps: float"}, run<compute_rms_norm>);
  all.op("MdiffRmsNormGrad", {"x: float", "gain: float", "dy: float"}, {"dx: float", "dgain: float"}, {"eps: float"}, run<compute_rms_norm_gradient>);
  all.op("MdiffSoftmax", {"x: float"}, {"y: float"}, {}, run<compute_softmax>);
  all.op("MdiffAdamw", {"p: float", "m: float", "v: float", "g: float", "scale: float", "rate: float", "beta1: float", "beta2: float", "eps: float", "keep: float"}, {"done: float"}, {}, run<compute_adamw>, true);
  all.op("MdiffConvolve", {"x: float", "weight: float", "segments: int32", "causal: float"}, {"y: float"}, {}, run<compute_convolution>);
  all.op("MdiffConvolveGrad", {"x: float", "weight: float", "segments: int32", "causal: float", "dy: float"}, {"dx: float", "dweight: float"}, {}, run<compute_convolution_gradient>);
  // packages/engine/src/tensorflow/variants.ts has the same names, and chooses.
#ifdef MDIFF_AMX
  all.products<Amx>("amx", "Amx");
#endif
#ifdef MDIFF_AVX512_BF16
  all.products<Avx512Bf16>("avx512_bf16", "Avx512Bf16");
#endif
#ifdef MDIFF_AVX512
  all.products<Avx512>("avx512", "Avx512");
#endif
#ifdef MDIFF_PRODUCTS
  all.products<Avx2>("avx2", "Avx2");
#endif
  return all;
}

/** Node closes a library when the thread that loaded it ends; TensorFlow keeps pointers into this one for as long as the process lives. */
void stay() {
  Dl_info own;
  if (dladdr(reinterpret_cast<void*>(&stay), &own) != 0) dlopen(own.dli_fname, RTLD_NOW | RTLD_NODELETE);
}

/** open(threads): registers the operations once in the process and returns the names of the variants of products that this processor has. */
napi_value Open(napi_env env, napi_callback_info info) {
  static std::mutex mutex;
  static bool done = false;
  static Registration registered;
  size_t count = 1;
  napi_value argument, result;
  int32_t wanted = 0;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) == napi_ok && count > 0) napi_get_value_int32(env, argument, &wanted);
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!done) {
      stay();
      threads = wanted;
      registered = register_all();
      done = true;
    }
  }
  if (!registered.failure.empty()) {
    napi_throw_error(env, nullptr, registered.failure.c_str());
    return nullptr;
  }
  napi_create_array(env, &result);
  for (size_t i = 0; i < registered.variants.size(); i++) {
    napi_value name;
    napi_create_string_utf8(env, registered.variants[i], NAPI_AUTO_LENGTH, &name);
    napi_set_element(env, result, static_cast<uint32_t>(i), name);
  }
  return result;
}

napi_value Init(napi_env env, napi_value exports) {
  napi_value open;
  napi_create_function(env, "open", NAPI_AUTO_LENGTH, Open, nullptr, &open);
  napi_set_named_property(env, exports, "open", open);
  return exports;
}

}  // namespace

NAPI_MODULE(mdiff_kernels, Init)
