// TensorFlow greets on stderr while its libraries load, before any variable could silence it. This addon loads them with stderr caught in
// memory, and returns what was said.

#include <dlfcn.h>
#include <node_api.h>
#include <sys/mman.h>
#include <unistd.h>
#include <mutex>
#include <string>

static napi_value Load(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, result;
  char path[4096];
  size_t length = 0;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok ||
      napi_get_value_string_utf8(env, argument, path, sizeof path, &length) != napi_ok) {
    napi_throw_error(env, nullptr, "expected a path");
    return nullptr;
  }
  // Threads share stderr: each must find the real one, and put it back.
  static std::mutex one;
  std::lock_guard<std::mutex> alone(one);
  int kept = dup(STDERR_FILENO), caught = memfd_create("stderr", MFD_CLOEXEC);
  if (kept >= 0 && caught >= 0) dup2(caught, STDERR_FILENO);
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  std::string failure = library ? "" : dlerror();
  if (kept >= 0 && caught >= 0) dup2(kept, STDERR_FILENO);
  std::string said;
  if (caught >= 0) {
    char part[4096];
    ssize_t read = 0;
    lseek(caught, 0, SEEK_SET);
    while ((read = ::read(caught, part, sizeof part)) > 0) said.append(part, read);
    close(caught);
  }
  if (kept >= 0) close(kept);
  if (!library) {
    napi_throw_error(env, nullptr, failure.c_str());
    return nullptr;
  }
  napi_create_string_utf8(env, said.data(), said.size(), &result);
  return result;
}

static napi_value Init(napi_env env, napi_value exports) {
  napi_value load;
  napi_create_function(env, "load", NAPI_AUTO_LENGTH, Load, nullptr, &load);
  napi_set_named_property(env, exports, "load", load);
  return exports;
}

NAPI_MODULE(quiet, Init)
