// A liblinnet_runtime.so beside the program that looks at it, with its own copy of everything: for
// the test that it answers as the library does, and for timing it.
#ifndef LINNET_BENCH_RUNTIME_LIBRARY_H_
#define LINNET_BENCH_RUNTIME_LIBRARY_H_

#include <dlfcn.h>
#include <linnet/runtime.h>

#include <memory>
#include <span>
#include <string>

#include "base/error.h"

namespace linnet {

class RuntimeLibrary {
 public:
  using Net = std::unique_ptr<linnet_net, void (*)(linnet_net*)>;

  // Error (kUsage) if it cannot be loaded.
  explicit RuntimeLibrary(const std::string& path)
      : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) Fail(ErrorKind::kUsage, "{}", dlerror());
    Find("linnet_net_open", open_);
    Find("linnet_net_run", run_);
    Find("linnet_net_output", output_);
    Find("linnet_net_output_size", output_size_);
    Find("linnet_net_input_size", input_size_);
    Find("linnet_net_close", close_);
    Find("linnet_net_last_error", last_error_);
  }

  // Error (kFile) in the library's words.
  Net Open(const std::string& model, const linnet_net_options& options) const {
    linnet_net* net = nullptr;
    if (open_(model.c_str(), &options, &net) != LINNET_NET_OK) {
      Fail(ErrorKind::kFile, "{}", last_error_());
    }
    return Net(net, close_);
  }
  size_t InputSize(const Net& net) const { return input_size_(net.get()); }
  // The numbers of the first output, until the next run.
  std::span<const float> Run(const Net& net, const float* input) const {
    if (run_(net.get(), input) != LINNET_NET_OK) Fail(ErrorKind::kInternal, "{}", last_error_());
    return {output_(net.get(), 0), output_size_(net.get(), 0)};
  }

 private:
  template <class F>
  void Find(const char* name, F*& function) {
    function = reinterpret_cast<F*>(dlsym(handle_, name));
    if (function == nullptr) Fail(ErrorKind::kUsage, "{}", dlerror());
  }

  void* handle_;  // never closed: threads of its pools may still be in it
  decltype(linnet_net_open)* open_;
  decltype(linnet_net_run)* run_;
  decltype(linnet_net_output)* output_;
  decltype(linnet_net_output_size)* output_size_;
  decltype(linnet_net_input_size)* input_size_;
  decltype(linnet_net_close)* close_;
  decltype(linnet_net_last_error)* last_error_;
};

}  // namespace linnet

#endif  // LINNET_BENCH_RUNTIME_LIBRARY_H_
