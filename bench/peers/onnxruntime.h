// The little of ONNX Runtime's C interface that a benchmark needs, without its headers.
//
// The library is opened at run time (npm's onnxruntime-node brings it). Its interface is a table of
// functions to which releases only append (microsoft/onnxruntime, include/onnxruntime/core/session/
// onnxruntime_c_api.h, struct OrtApi), so that the numbers below stay what they are.
#ifndef LINNET_BENCH_PEERS_ONNXRUNTIME_H_
#define LINNET_BENCH_PEERS_ONNXRUNTIME_H_

#include <cstdint>
#include <string>
#include <vector>

namespace linnet::peers {

// A network, ready to run. Every function throws std::runtime_error with the
// library's own words.
class OrtSession {
 public:
  // 'library': the path of libonnxruntime.so. All optimisations are on; all arithmetic is done by
  // 'threads' threads.
  OrtSession(const std::string& library, const std::string& onnx, int threads);
  ~OrtSession();
  OrtSession(const OrtSession&) = delete;
  OrtSession& operator=(const OrtSession&) = delete;

  const std::string& version() const { return version_; }
  // Of input i, NCHW; the session keeps the address, not a copy.
  void SetInput(size_t i, float* numbers, const std::vector<int64_t>& dims);
  void Run();
  // The first output of the last Run.
  std::vector<float> Output();

 private:
  template <class... Args>
  void Call(int entry, Args... args);
  template <class R, class... Args>
  R Plain(int entry, Args... args);
  std::string Name(int entry, size_t i);

  const void* const* api_ = nullptr;
  std::string version_, output_name_;
  std::vector<std::string> input_names_;
  void *environment_ = nullptr, *options_ = nullptr, *session_ = nullptr, *memory_ = nullptr;
  std::vector<void*> inputs_;
  void* output_ = nullptr;
};

}  // namespace linnet::peers

#endif  // LINNET_BENCH_PEERS_ONNXRUNTIME_H_
