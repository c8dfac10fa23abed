// MPI for Node: a small Node-API addon that `mdiff engine install mpi` compiles with mpicc against the MPI of this machine.
//
// One thread makes every MPI call: it starts the operations that JavaScript queues, in their order, tests them, and resolves their
// promises. So MPI_THREAD_FUNNELED is enough, the event loop never waits for another rank, and transfers go on while JavaScript adds.
//
// The same thread sends a sign of life to rank 0, and from rank 0 to all others, every second. It carries the time since JavaScript last
// called tick(): a process that is stopped, dead or swapped out falls silent, and one whose event loop hangs says so.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <mpi.h>
#include <node_api.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum kind { SEND, RECEIVE, BROADCAST, SUM, CLOSE, ABORT };

struct operation {
  enum kind kind;
  void *data;
  size_t bytes;
  int doubles; /* SUM: float64, else float32 */
  int peer;    /* SEND, RECEIVE: the other rank; BROADCAST: the root; ABORT: the exit code */
  MPI_Request request;
  int error;
  napi_deferred deferred;
  napi_ref buffer; /* keeps the memory while MPI uses it */
  struct operation *next;
};

static struct {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct operation *first, **last; /* queued, not started */
  int state;                       /* 0 starting, 1 open, 2 closed, -1 failed */
  int rank, size;
  double tick;   /* when JavaScript last called tick() */
  double *heard; /* by rank: when its last sign of life came, and the age that it gave */
  double *age;
  napi_threadsafe_function done;
  char version[MPI_MAX_LIBRARY_VERSION_STRING];
} mpi = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

/* --- the thread that calls MPI --- */

static MPI_Comm data_comm, life_comm;

struct beat {
  double value;
  MPI_Request request;
};
static struct beat *out, *in;

static void beats_start(void) {
  MPI_Comm_dup(MPI_COMM_WORLD, &life_comm);
  out = calloc(mpi.size, sizeof *out);
  in = calloc(mpi.size, sizeof *in);
  for (int rank = 0; rank < mpi.size; rank++) {
    out[rank].request = in[rank].request = MPI_REQUEST_NULL;
    int hears = rank != mpi.rank && (mpi.rank == 0 || rank == 0);
    if (hears) MPI_Irecv(&in[rank].value, 1, MPI_DOUBLE, rank, 0, life_comm, &in[rank].request);
  }
}

static void beats(double *next) {
  double time = now();
  for (int rank = 0; rank < mpi.size; rank++) {
    int came = 0;
    if (in[rank].request == MPI_REQUEST_NULL) continue;
    MPI_Test(&in[rank].request, &came, MPI_STATUS_IGNORE);
    if (!came) continue;
    pthread_mutex_lock(&mpi.lock);
    mpi.heard[rank] = time;
    mpi.age[rank] = in[rank].value;
    pthread_mutex_unlock(&mpi.lock);
    MPI_Irecv(&in[rank].value, 1, MPI_DOUBLE, rank, 0, life_comm, &in[rank].request);
  }
  if (time < *next) return;
  *next = time + 1;
  pthread_mutex_lock(&mpi.lock);
  double age = time - mpi.tick;
  pthread_mutex_unlock(&mpi.lock);
  for (int rank = 0; rank < mpi.size; rank++) {
    if (rank == mpi.rank || (mpi.rank != 0 && rank != 0)) continue;
    int sent = 1;
    if (out[rank].request != MPI_REQUEST_NULL) MPI_Test(&out[rank].request, &sent, MPI_STATUS_IGNORE);
    if (!sent) continue; /* the last one is still on its way */
    out[rank].value = age;
    MPI_Isend(&out[rank].value, 1, MPI_DOUBLE, rank, 0, life_comm, &out[rank].request);
  }
}

static void beats_end(void) {
  for (int rank = 0; rank < mpi.size; rank++) {
    if (in[rank].request != MPI_REQUEST_NULL) {
      MPI_Cancel(&in[rank].request);
      MPI_Request_free(&in[rank].request);
    }
    if (out[rank].request != MPI_REQUEST_NULL) MPI_Request_free(&out[rank].request);
  }
}

static void start(struct operation *op) {
  op->request = MPI_REQUEST_NULL;
  switch (op->kind) {
    case SEND:
      op->error = MPI_Isend(op->data, (int)op->bytes, MPI_BYTE, op->peer, 0, data_comm, &op->request);
      break;
    case RECEIVE:
      op->error = MPI_Irecv(op->data, (int)op->bytes, MPI_BYTE, op->peer, 0, data_comm, &op->request);
      break;
    case BROADCAST:
      op->error = MPI_Ibcast(op->data, (int)op->bytes, MPI_BYTE, op->peer, data_comm, &op->request);
      break;
    case SUM:
      op->error = op->doubles ? MPI_Iallreduce(MPI_IN_PLACE, op->data, (int)(op->bytes / 8), MPI_DOUBLE, MPI_SUM, data_comm, &op->request)
                              : MPI_Iallreduce(MPI_IN_PLACE, op->data, (int)(op->bytes / 4), MPI_FLOAT, MPI_SUM, data_comm, &op->request);
      break;
    case ABORT:
      MPI_Abort(MPI_COMM_WORLD, op->peer);
      break;
    case CLOSE:
      break;
  }
}

/* Libraries that were loaded for one addon alone hide their symbols; Open MPI's plugins look for them in the whole process. */
static void show_symbols(void) {
  Dl_info info;
  if (dladdr((void *)(size_t)&MPI_Init_thread, &info) && info.dli_fname) dlopen(info.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
}

static int initialise(void) {
  int provided = 0, length = 0;
  show_symbols();
  if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS || provided < MPI_THREAD_FUNNELED) return -1;
  MPI_Comm_rank(MPI_COMM_WORLD, &mpi.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &mpi.size);
  MPI_Get_library_version(mpi.version, &length);
  MPI_Comm_dup(MPI_COMM_WORLD, &data_comm);
  mpi.heard = malloc(mpi.size * sizeof(double));
  mpi.age = calloc(mpi.size, sizeof(double));
  mpi.tick = now();
  for (int rank = 0; rank < mpi.size; rank++) mpi.heard[rank] = mpi.tick;
  beats_start();
  return 1;
}

/* Waits before the next look at MPI: not at all while something moves, then ever longer while an operation is on its way, since each look takes from
 * the training on a machine with a rank for each core. Without an operation it sleeps until JavaScript queues one, or for a while: signs of life come. */
static void rest(int idle, int waiting) {
  struct timespec pause = {0, idle < 200 ? 20000 : idle < 1000 ? 100000 : 500000};
  if (waiting && idle < 20) {
    sched_yield();
  } else if (waiting) {
    nanosleep(&pause, NULL);
  } else {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 100000000;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    pthread_mutex_lock(&mpi.lock);
    if (!mpi.first) pthread_cond_timedwait(&mpi.changed, &mpi.lock, &until);
    pthread_mutex_unlock(&mpi.lock);
  }
}

static void *run(void *unused) {
  int state = initialise();
  pthread_mutex_lock(&mpi.lock);
  mpi.state = state;
  pthread_cond_broadcast(&mpi.changed);
  pthread_mutex_unlock(&mpi.lock);
  if (state < 0) return unused;
  struct operation *active = NULL, *closing = NULL;
  double next = 0;
  for (int idle = 0;; idle++) {
    pthread_mutex_lock(&mpi.lock);
    struct operation *queued = mpi.first;
    mpi.first = NULL;
    mpi.last = &mpi.first;
    pthread_mutex_unlock(&mpi.lock);
    struct operation **place = &active;
    while (*place) place = &(*place)->next;
    while (queued) {
      struct operation *op = queued;
      queued = op->next;
      op->next = NULL;
      start(op);
      idle = 0;
      if (op->kind == CLOSE) closing = op;
      else *place = op, place = &op->next;
    }
    for (place = &active; *place;) {
      struct operation *op = *place;
      int complete = 1;
      if (op->error == MPI_SUCCESS) op->error = MPI_Test(&op->request, &complete, MPI_STATUS_IGNORE);
      if (!complete && op->error == MPI_SUCCESS) {
        place = &op->next;
        continue;
      }
      *place = op->next;
      idle = 0;
      napi_call_threadsafe_function(mpi.done, op, napi_tsfn_blocking);
    }
    if (closing && !active) break;
    beats(&next);
    rest(idle, active != NULL);
  }
  beats_end();
  MPI_Finalize();
  napi_call_threadsafe_function(mpi.done, closing, napi_tsfn_blocking);
  return unused;
}

/* --- arithmetic of gradients, which JavaScript does a number at a time; the results are those of ranks/exchange.ts, to the bit --- */

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define WIDEST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDEST
#endif

static float of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}

WIDEST static void add_floats(float *restrict into, const float *restrict other, size_t count) {
  for (size_t i = 0; i < count; i++) into[i] += other[i];
}

WIDEST static void add_halves(float *restrict into, const uint16_t *restrict halves, size_t count) {
  for (size_t i = 0; i < count; i++) into[i] += of_bits((uint32_t)halves[i] << 16);
}

WIDEST static void expand_halves(float *restrict into, const uint16_t *restrict halves, size_t count) {
  for (size_t i = 0; i < count; i++) into[i] = of_bits((uint32_t)halves[i] << 16);
}

/* data + rest in bfloat16, to nearest even; rest keeps what that loses, and nothing of a number that is not finite. */
WIDEST static void compress(const float *restrict data, float *restrict rest, uint16_t *restrict into, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float wanted = data[i] + rest[i];
    uint32_t bits = bits_of(wanted), special = (bits & 0x7f800000) == 0x7f800000;
    uint32_t nearest = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    uint32_t kept = (bits >> 16) | ((bits & 0x7fffff) ? 0x40 : 0);
    uint32_t half = special ? kept : nearest;
    float lost = wanted - of_bits(half << 16);
    into[i] = (uint16_t)half;
    rest[i] = (half & 0x7f80) == 0x7f80 ? 0 : lost;
  }
}

/* --- JavaScript's side --- */

/* Runs on JavaScript's thread when an operation is over. */
static void settle(napi_env env, napi_value callback, void *context, void *data) {
  struct operation *op = data;
  (void)callback, (void)context;
  if (env) {
    napi_value value, text;
    if (op->error == MPI_SUCCESS) {
      napi_get_undefined(env, &value);
      napi_resolve_deferred(env, op->deferred, value);
    } else {
      char message[MPI_MAX_ERROR_STRING];
      int length = 0;
      MPI_Error_string(op->error, message, &length);
      napi_create_string_utf8(env, message, length, &text);
      napi_create_error(env, NULL, text, &value);
      napi_reject_deferred(env, op->deferred, value);
    }
    if (op->buffer) napi_delete_reference(env, op->buffer);
    if (op->kind == CLOSE) {
      pthread_join(mpi.thread, NULL);
      mpi.state = 2;
      napi_release_threadsafe_function(mpi.done, napi_tsfn_release);
    }
  }
  free(op);
}

static napi_value thrown(napi_env env, const char *message) {
  napi_throw_error(env, NULL, message);
  return NULL;
}

static napi_value queue(napi_env env, struct operation *op) {
  napi_value promise;
  napi_create_promise(env, &op->deferred, &promise);
  pthread_mutex_lock(&mpi.lock);
  *mpi.last = op;
  mpi.last = &op->next;
  pthread_cond_signal(&mpi.changed);
  pthread_mutex_unlock(&mpi.lock);
  return promise;
}

static napi_value queue_data(napi_env env, napi_callback_info info, enum kind kind) {
  size_t count = 2;
  napi_value args[2];
  napi_typedarray_type type;
  size_t length;
  void *data;
  int32_t peer = 0;
  static const size_t sizes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  napi_get_cb_info(env, info, &count, args, NULL, NULL);
  if (mpi.state != 1) return thrown(env, "MPI is not open");
  if (count < 1 || napi_get_typedarray_info(env, args[0], &type, &length, &data, NULL, NULL) != napi_ok)
    return thrown(env, "expected a typed array");
  if (count > 1) napi_get_value_int32(env, args[1], &peer);
  if (kind == SUM && type != napi_float32_array && type != napi_float64_array) return thrown(env, "expected floats to sum");
  struct operation *op = calloc(1, sizeof *op);
  op->kind = kind;
  op->data = data;
  op->bytes = length * sizes[type];
  op->doubles = type == napi_float64_array;
  op->peer = peer;
  napi_create_reference(env, args[0], 1, &op->buffer);
  return queue(env, op);
}

static napi_value js_send(napi_env env, napi_callback_info info) { return queue_data(env, info, SEND); }
static napi_value js_receive(napi_env env, napi_callback_info info) { return queue_data(env, info, RECEIVE); }
static napi_value js_broadcast(napi_env env, napi_callback_info info) { return queue_data(env, info, BROADCAST); }
static napi_value js_sum(napi_env env, napi_callback_info info) { return queue_data(env, info, SUM); }

/* The typed array of an argument; NULL if it is none of `type` with `count` numbers. */
static void *array_of(napi_env env, napi_value value, napi_typedarray_type type, size_t count) {
  napi_typedarray_type found;
  size_t length;
  void *data;
  if (napi_get_typedarray_info(env, value, &found, &length, &data, NULL, NULL) != napi_ok) return NULL;
  return found == type && length == count ? data : NULL;
}

/* add(into, other): `other` in float32 or, as Uint16Array, in bfloat16. expand(into, halves). compress(data, rest, halves). */
static napi_value js_arithmetic(napi_env env, napi_callback_info info) {
  size_t given = 3, count;
  napi_value args[3];
  napi_typedarray_type type, other;
  void *kind, *data;
  napi_get_cb_info(env, info, &given, args, NULL, &kind);
  if (given < 2 || napi_get_typedarray_info(env, args[0], &type, &count, &data, NULL, NULL) != napi_ok || type != napi_float32_array ||
      napi_get_typedarray_info(env, args[1], &other, NULL, NULL, NULL, NULL) != napi_ok)
    return thrown(env, "expected typed arrays");
  void *second = array_of(env, args[1], other, count), *halves = given > 2 ? array_of(env, args[2], napi_uint16_array, count) : NULL;
  switch (*(const char *)kind) {
    case 'a':
      if (second && other == napi_float32_array) return add_floats(data, second, count), NULL;
      if (second && other == napi_uint16_array) return add_halves(data, second, count), NULL;
      break;
    case 'e':
      if (second && other == napi_uint16_array) return expand_halves(data, second, count), NULL;
      break;
    default:
      if (second && other == napi_float32_array && halves) return compress(data, second, halves, count), NULL;
  }
  return thrown(env, "expected arrays of one length: float32, and bfloat16 as Uint16Array");
}

static napi_value js_end(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value arg;
  int32_t code = 0;
  napi_get_cb_info(env, info, &count, &arg, NULL, NULL);
  if (mpi.state != 1) return thrown(env, "MPI is not open");
  struct operation *op = calloc(1, sizeof *op);
  op->kind = count > 0 ? ABORT : CLOSE;
  if (count > 0) napi_get_value_int32(env, arg, &code);
  op->peer = code;
  return queue(env, op);
}

/* tick(all): JavaScript is alive; with `all`, so is everybody, as far as this process can know: it slept itself. */
static napi_value js_tick(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value arg;
  bool all = false;
  napi_get_cb_info(env, info, &count, &arg, NULL, NULL);
  if (count > 0) napi_get_value_bool(env, arg, &all);
  pthread_mutex_lock(&mpi.lock);
  mpi.tick = now();
  for (int rank = 0; all && rank < mpi.size; rank++) mpi.heard[rank] = mpi.tick, mpi.age[rank] = 0;
  pthread_mutex_unlock(&mpi.lock);
  return NULL;
}

/* silence(): for each rank the seconds since its last sign of life, and how long its event loop had been still then. */
static napi_value js_silence(napi_env env, napi_callback_info info) {
  void *data;
  napi_value buffer, array;
  (void)info;
  if (mpi.state != 1) return thrown(env, "MPI is not open");
  napi_create_arraybuffer(env, 2 * mpi.size * sizeof(double), &data, &buffer);
  double *ages = data, time = now();
  pthread_mutex_lock(&mpi.lock);
  for (int rank = 0; rank < mpi.size; rank++) {
    int heard = rank != mpi.rank && (mpi.rank == 0 || rank == 0);
    ages[2 * rank] = heard ? time - mpi.heard[rank] : 0;
    ages[2 * rank + 1] = heard ? mpi.age[rank] : 0;
  }
  pthread_mutex_unlock(&mpi.lock);
  napi_create_typedarray(env, napi_float64_array, 2 * mpi.size, buffer, 0, &array);
  return array;
}

static napi_value js_open(napi_env env, napi_callback_info info) {
  (void)info;
  if (mpi.state != 0 || mpi.thread) return thrown(env, "MPI was opened before");
  napi_value name, result, value;
  napi_create_string_utf8(env, "mpi", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, NULL, NULL, NULL, settle, &mpi.done);
  mpi.last = &mpi.first;
  if (pthread_create(&mpi.thread, NULL, run, NULL) != 0) return thrown(env, "no thread for MPI");
  pthread_mutex_lock(&mpi.lock);
  while (mpi.state == 0) pthread_cond_wait(&mpi.changed, &mpi.lock);
  pthread_mutex_unlock(&mpi.lock);
  if (mpi.state < 0) return thrown(env, "MPI_Init_thread failed");
  napi_create_object(env, &result);
  napi_create_int32(env, mpi.rank, &value);
  napi_set_named_property(env, result, "rank", value);
  napi_create_int32(env, mpi.size, &value);
  napi_set_named_property(env, result, "size", value);
  napi_create_string_utf8(env, mpi.version, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, result, "version", value);
  return result;
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback call;
  } calls[] = {{"open", js_open},           {"send", js_send}, {"receive", js_receive}, {"broadcast", js_broadcast},
               {"sum", js_sum},             {"end", js_end},   {"tick", js_tick},       {"silence", js_silence},
               {"add", js_arithmetic},      {"expand", js_arithmetic}, {"compress", js_arithmetic}};
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    napi_value function;
    napi_create_function(env, calls[i].name, NAPI_AUTO_LENGTH, calls[i].call, (void *)calls[i].name, &function);
    napi_set_named_property(env, exports, calls[i].name, function);
  }
  return exports;
}
