#include "onnxruntime.h"

#include <dlfcn.h>

#include <stdexcept>

namespace linnet::peers {
namespace {

// Places in the table.
enum Entry {
  kGetErrorMessage = 2,
  kCreateEnv = 3,
  kCreateSession = 7,
  kRun = 9,
  kCreateSessionOptions = 10,
  kSetSessionGraphOptimizationLevel = 23,
  kSetIntraOpNumThreads = 24,
  kSetInterOpNumThreads = 25,
  kSessionGetInputCount = 30,
  kSessionGetInputName = 36,
  kSessionGetOutputName = 37,
  kCreateTensorWithDataAsOrtValue = 49,
  kGetTensorMutableData = 51,
  kGetTensorShapeElementCount = 64,
  kGetTensorTypeAndShape = 65,
  kCreateCpuMemoryInfo = 69,
  kAllocatorFree = 76,
  kGetAllocatorWithDefaultOptions = 78,
  kReleaseEnv = 92,
  kReleaseStatus = 93,
  kReleaseMemoryInfo = 94,
  kReleaseSession = 95,
  kReleaseValue = 96,
  kReleaseTensorTypeAndShapeInfo = 99,
  kReleaseSessionOptions = 100,
};

constexpr int kWarnings = 2, kAllOptimizations = 99, kArenaAllocator = 1, kDefaultMemory = 0,
              kFloat = 1;

struct ApiBase {
  const void* (*get_api)(uint32_t version);
  const char* (*get_version)();
};

const ApiBase& Open(const std::string& library) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw std::runtime_error(dlerror());
  auto* base = reinterpret_cast<const ApiBase* (*)()>(dlsym(handle, "OrtGetApiBase"));
  if (base == nullptr) throw std::runtime_error(library + ": has no OrtGetApiBase");
  return *base();
}

}  // namespace

template <class R, class... Args>
R OrtSession::Plain(int entry, Args... args) {
  return reinterpret_cast<R (*)(Args...)>(const_cast<void*>(api_[entry]))(args...);
}

// A function that answers with a status, null where all went well.
template <class... Args>
void OrtSession::Call(int entry, Args... args) {
  void* status = Plain<void*>(entry, args...);
  if (status == nullptr) return;
  const std::string message = Plain<const char*>(kGetErrorMessage, status);
  Plain<void>(kReleaseStatus, status);
  throw std::runtime_error(message);
}

std::string OrtSession::Name(int entry, size_t i) {
  void* allocator = nullptr;
  Call(kGetAllocatorWithDefaultOptions, &allocator);
  char* text = nullptr;
  Call(entry, session_, i, allocator, &text);
  const std::string name = text;
  Call(kAllocatorFree, allocator, static_cast<void*>(text));
  return name;
}

OrtSession::OrtSession(const std::string& library, const std::string& onnx, int threads) {
  const ApiBase& base = Open(library);
  api_ = static_cast<const void* const*>(base.get_api(1));
  version_ = base.get_version();
  Call(kCreateEnv, kWarnings, "linnet", &environment_);
  Call(kCreateSessionOptions, &options_);
  Call(kSetSessionGraphOptimizationLevel, options_, kAllOptimizations);
  Call(kSetIntraOpNumThreads, options_, threads);
  Call(kSetInterOpNumThreads, options_, 1);
  Call(kCreateSession, environment_, onnx.c_str(), options_, &session_);
  Call(kCreateCpuMemoryInfo, kArenaAllocator, kDefaultMemory, &memory_);
  size_t inputs = 0;
  Call(kSessionGetInputCount, session_, &inputs);
  for (size_t i = 0; i < inputs; ++i) input_names_.push_back(Name(kSessionGetInputName, i));
  inputs_.resize(inputs);
  output_name_ = Name(kSessionGetOutputName, 0);
}

OrtSession::~OrtSession() {
  if (output_ != nullptr) Plain<void>(kReleaseValue, output_);
  for (void* input : inputs_) {
    if (input != nullptr) Plain<void>(kReleaseValue, input);
  }
  if (memory_ != nullptr) Plain<void>(kReleaseMemoryInfo, memory_);
  if (session_ != nullptr) Plain<void>(kReleaseSession, session_);
  if (options_ != nullptr) Plain<void>(kReleaseSessionOptions, options_);
  if (environment_ != nullptr) Plain<void>(kReleaseEnv, environment_);
}

void OrtSession::SetInput(size_t i, float* numbers, const std::vector<int64_t>& dims) {
  size_t count = 1;
  for (const int64_t dim : dims) count *= static_cast<size_t>(dim);
  Call(kCreateTensorWithDataAsOrtValue, memory_, static_cast<void*>(numbers), count * sizeof(float),
       dims.data(), dims.size(), kFloat, &inputs_.at(i));
}

void OrtSession::Run() {
  if (output_ != nullptr) Plain<void>(kReleaseValue, output_);
  output_ = nullptr;
  std::vector<const char*> inputs;
  for (const std::string& name : input_names_) inputs.push_back(name.c_str());
  const char* outputs[] = {output_name_.c_str()};
  Call(kRun, session_, static_cast<void*>(nullptr), inputs.data(), inputs_.data(), inputs_.size(),
       &outputs[0], size_t{1}, &output_);
}

std::vector<float> OrtSession::Output() {
  void* info = nullptr;
  Call(kGetTensorTypeAndShape, output_, &info);
  size_t count = 0;
  Call(kGetTensorShapeElementCount, info, &count);
  Plain<void>(kReleaseTensorTypeAndShapeInfo, info);
  void* data = nullptr;
  Call(kGetTensorMutableData, output_, &data);
  const float* numbers = static_cast<const float*>(data);
  return {numbers, numbers + count};
}

}  // namespace linnet::peers
