// The runtime for C++ programs: what runtime.h says, as an object. Everything is in this header, so
// the program's compiler and the library's need not be the same. Needs C++17.
//
//   linnet::Net net("model.safetensors");
//   std::vector<float> input(net.input_size());
//   net.InputFromRgb(rgb, width, height, input.data());
//   net.Run(input.data());
//   const float* scores = net.output();
//
// What fails, throws linnet::NetFailure.
#ifndef LINNET_RUNTIME_HPP_
#define LINNET_RUNTIME_HPP_

#include <linnet/runtime.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace linnet {

class NetFailure : public std::runtime_error {
 public:
  explicit NetFailure(int code) : std::runtime_error(linnet_net_last_error()), code_(code) {}
  int code() const noexcept { return code_; }  // LINNET_NET_...

 private:
  int code_;
};

class Net {
 public:
  explicit Net(const std::string& path, const linnet_net_options& options = {}) {
    Check(linnet_net_open(path.c_str(), &options, &net_));
  }
  ~Net() { linnet_net_close(net_); }
  Net(Net&& other) noexcept : net_(std::exchange(other.net_, nullptr)) {}
  Net& operator=(Net&& other) noexcept {
    std::swap(net_, other.net_);
    return *this;
  }

  Net Twin() const {
    linnet_net* twin = nullptr;
    Check(linnet_net_twin(net_, &twin));
    return Net(twin);
  }

  // batch, height, width, channels
  std::array<std::int64_t, 4> input_shape() const {
    std::array<std::int64_t, 4> shape;
    linnet_net_input_shape(net_, shape.data());
    return shape;
  }
  std::size_t input_size() const { return linnet_net_input_size(net_); }
  int outputs() const { return linnet_net_output_count(net_); }
  std::size_t output_size(int i = 0) const { return linnet_net_output_size(net_, i); }
  // Its number, if the model does not name it.
  std::string class_name(int i) const {
    const char* name = linnet_net_class_name(net_, i);
    return name != nullptr ? name : std::to_string(i);
  }

  void InputFromRgb(const std::uint8_t* rgb, int width, int height, float* input) {
    Check(linnet_net_input_from_rgb(net_, rgb, width, height, input));
  }
  void Run(const float* input) { Check(linnet_net_run(net_, input)); }
  const float* output(int i = 0) const { return linnet_net_output(net_, i); }

  linnet_net_memory memory() const {
    linnet_net_memory memory;
    linnet_net_memory_use(net_, &memory);
    return memory;
  }

 private:
  explicit Net(linnet_net* net) : net_(net) {}
  static void Check(int code) {
    if (code != LINNET_NET_OK) throw NetFailure(code);
  }

  linnet_net* net_ = nullptr;
};

}  // namespace linnet

#endif  // LINNET_RUNTIME_HPP_
