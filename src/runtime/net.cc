// What include/linnet/runtime.h declares.
#include <linnet/runtime.h>

#include <algorithm>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "base/c_guard.h"
#include "io/open_model.h"
#include "kernels/targets.h"

namespace linnet {

// Of all twins.
struct SharedNet {
  ImagePipeline pipeline;
  std::vector<std::string> labels;
  std::unique_ptr<ThreadPool> pool;  // null: the calling thread
  bool from_packed = false;
};

}  // namespace linnet

struct linnet_net {
  std::shared_ptr<const linnet::SharedNet> shared;
  std::unique_ptr<linnet::Plan> plan;
  linnet::PipelineScratch scratch = {};
};

namespace linnet {
namespace {

std::string PackedPath(const std::string& model, const char* packed) {
  if (packed == nullptr) return "";
  return *packed == '\0' ? model + ".packed" : packed;
}

Precision PrecisionOf(int precision) {
  switch (precision) {
    case LINNET_NET_FLOAT32:
      return Precision::kFloat32;
    case LINNET_NET_BF16:
      return Precision::kBf16;
    case LINNET_NET_BF16X3:
      return Precision::kBf16x3;
  }
  Fail(ErrorKind::kUsage, "there is no precision of number {}", precision);
}

std::unique_ptr<linnet_net> Open(const std::string& path, const linnet_net_options& options) {
  Expect(options.threads >= 0 && options.batch >= 0, "threads and batch must not be negative");
  if (!kernels::MachineHasTarget()) {
    Fail(ErrorKind::kUsage,
         "the runtime was built for {} and later, which this processor does not have; "
         "-DLINNET_RUNTIME_LEAST= builds it for every processor",
         kernels::TargetName(kernels::CurrentTarget()));
  }
  const int threads = options.threads > 0 ? options.threads : DefaultThreads();
  OpenedModel opened = OpenModel(path,
                                 {.batch = std::max(1, options.batch),
                                  .threads = threads,
                                  .precision = PrecisionOf(options.precision)},
                                 PackedPath(path, options.packed));
  auto shared = std::make_shared<SharedNet>();
  shared->pipeline = opened.pipeline;
  shared->labels = std::move(opened.labels);
  if (threads > 1) shared->pool = std::make_unique<ThreadPool>(threads);
  shared->from_packed = opened.packed_before;
  return std::unique_ptr<linnet_net>(new linnet_net{shared, std::move(opened.plan)});
}

bool HasOutput(const linnet_net* net, int i) {
  return i >= 0 && static_cast<size_t>(i) < net->plan->outputs();
}

}  // namespace
}  // namespace linnet

using linnet::Expect;
using linnet::Guard;

const char* linnet_net_last_error(void) { return linnet::last_error.c_str(); }

int linnet_net_open(const char* path, const linnet_net_options* options, linnet_net** net) {
  return Guard([&] {
    Expect(net != nullptr, "net must not be NULL");
    *net = nullptr;
    Expect(path != nullptr, "path must not be NULL");
    *net = linnet::Open(path, options != nullptr ? *options : linnet_net_options{}).release();
  });
}

int linnet_net_twin(const linnet_net* net, linnet_net** twin) {
  return Guard([&] {
    Expect(twin != nullptr, "twin must not be NULL");
    *twin = nullptr;
    Expect(net != nullptr, "net must not be NULL");
    *twin = new linnet_net{net->shared, net->plan->Twin()};
  });
}

void linnet_net_close(linnet_net* net) { delete net; }

void linnet_net_input_shape(const linnet_net* net, int64_t shape[4]) {
  for (int i = 0; i < 4; ++i) shape[i] = net->plan->input_shape()[i];
}

size_t linnet_net_input_size(const linnet_net* net) {
  return static_cast<size_t>(net->plan->input_shape().elements());
}

int linnet_net_output_count(const linnet_net* net) {
  return static_cast<int>(net->plan->outputs());
}

size_t linnet_net_output_size(const linnet_net* net, int i) {
  if (!linnet::HasOutput(net, i)) return 0;
  return static_cast<size_t>(net->plan->output(static_cast<size_t>(i)).elements());
}

const char* linnet_net_class_name(const linnet_net* net, int i) {
  const std::vector<std::string>& labels = net->shared->labels;
  return i >= 0 && static_cast<size_t>(i) < labels.size() ? labels[i].c_str() : nullptr;
}

int linnet_net_input_from_rgb(linnet_net* net, const uint8_t* rgb, int width, int height,
                              float* input) {
  return Guard([&] {
    Expect(net != nullptr && rgb != nullptr && input != nullptr, "nothing may be NULL");
    Expect(width > 0 && height > 0, "a picture has at least one pixel");
    linnet::Preprocess({width, height, rgb}, net->shared->pipeline, input, net->scratch);
  });
}

int linnet_net_run(linnet_net* net, const float* input) {
  if (net == nullptr || input == nullptr) {
    return Guard([] { Expect(false, "nothing may be NULL"); });
  }
  net->plan->Run(input, {}, net->shared->pool.get());
  return LINNET_NET_OK;
}

const float* linnet_net_output(const linnet_net* net, int i) {
  return linnet::HasOutput(net, i) ? net->plan->output(static_cast<size_t>(i)).data() : nullptr;
}

void linnet_net_memory_use(const linnet_net* net, linnet_net_memory* memory) {
  *memory = {.weights = net->plan->weight_bytes(),
             .arena = net->plan->arena_bytes(),
             .arena_bound = net->plan->arena_lower_bound(),
             .from_packed = net->shared->from_packed};
}
