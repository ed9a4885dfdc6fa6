// Plan: a network made ready to run at one size. Kernels are chosen, weights packed and memory laid
// out once, in Compile; Run only computes.
//
//   auto plan = Compile(graph, params, {.batch = 1, .height = 160, .width = 160});
//   ThreadPool pool(2);
//   std::vector<float> logits(plan->output(0).elements());
//   float* outputs[] = {logits.data()};
//   plan->Run(picture, outputs, &pool);
#ifndef LINNET_INFER_PLAN_H_
#define LINNET_INFER_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/precision.h"
#include "base/tensor.h"
#include "base/thread_pool.h"
#include "graph/graph.h"
#include "ops/network.h"
#include "rewrite/rewrite.h"

namespace linnet {

struct CompileOptions {
  int batch = 1;
  int height = 0;             // 0: the graph's own
  int width = 0;              // 0: the graph's own
  int threads = 0;            // the most threads Run will get; 0: DefaultThreads()
  bool channel_views = true;  // infer/channel_views.h
  bool bands = true;          // infer/bands.h
  // Where an operation can be computed in several ways, times them and takes the fastest, instead
  // of following the rules. Other ways round otherwise: see infer/tune.h.
  bool tune = false;
  // bf16: values in bfloat16 where operations take them (rewrite/bfloat16.h). bf16x3: products of
  // float32 in three of bfloat16. A quantized network says itself what is int8.
  Precision precision = Precision::kFloat32;
  RewriteOptions rewrite;
  template <class Self, class V>
  static void VisitFields(Self& self, V&& v) {
    v("batch", self.batch, "pictures at a time");
    v("height", self.height, "rows of the input, 0: as the network says");
    v("width", self.width, "columns of the input, 0: as the network says");
    v("threads", self.threads, "the most threads that will run it, 0: all this process may use");
    v("channel_views", self.channel_views,
      "values may live among the channels of others, so that concat and slice cost nothing");
    v("bands", self.bands, "steps with large maps between them run by turns, a few rows at a time");
    v("tune", self.tune,
      "choose float32 kernels by measuring them here; remembered on this machine");
    v("precision", self.precision, "of the arithmetic: float32, bf16 or bf16x3");
    RewriteOptions::VisitFields(self.rewrite, v);
  }
};

// What one step does, for tables and limits.
struct StepInfo {
  std::string name;
  std::string op;
  std::string kernel;                // "view" if nothing is computed or copied
  std::vector<std::string> refused;  // kernels that were asked before, with their reasons
  std::string measured;              // what tuning measured; empty: chosen by the rules
  std::vector<Shape> in;
  Shape out;
  int64_t macs = 0;
  Precision precision = Precision::kFloat32;  // of the factors
  size_t bytes = 0;                           // read and written, without the weights
  size_t weight_bytes = 0;                    // of the parameters
  size_t scratch_bytes = 0;
  bool in_place = false;  // written over its first input
};

class Plan {
 public:
  struct Impl;  // plan_impl.h
  explicit Plan(std::unique_ptr<Impl> impl);
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  // The network after the rewrites, as it runs.
  const Graph& graph() const;
  const Shape& input_shape() const;
  size_t outputs() const;
  // In the order of the graph. The numbers are those of the last Run, until the next one; before
  // the first Run there are none.
  const Tensor& output(size_t i) const;

  // 'input': input_shape() numbers, NHWC. Output i is also copied to outputs[i], if there is one
  // and it is not null. Allocates nothing and throws nothing. The same numbers, bit for bit, for
  // any number of threads; a pool of more than CompileOptions::threads is not used.
  //
  // One Run at a time on one Plan; Plans share nothing that is written, so each thread may run one
  // of its own (Twin).
  void Run(const float* input, std::span<float* const> outputs, ThreadPool* pool) noexcept;
  // Run, with the seconds of each step written to seconds[i] for steps()[i].
  void RunTimed(const float* input, ThreadPool* pool, std::span<double> seconds) noexcept;

  std::span<const StepInfo> steps() const;
  size_t arena_bytes() const;
  // The most bytes of values in use at once, by their lifetimes: no arena could be smaller.
  size_t arena_lower_bound() const;
  int64_t macs() const;
  size_t weight_bytes() const;
  int threads() const;

  // A Plan of the same network that computes the same, with an arena of its own: the two share
  // kernels and packed weights, which nobody writes, and may run at the same time.
  std::unique_ptr<Plan> Twin() const;

  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// Rewrites, prepares, packs and lays out. The Plan keeps copies: the parameters may change
// afterwards. Error (kUsage)
// naming the node if the graph does not fit together at this size or its types do not, Error
// (kFile) naming the parameter that is missing or has a wrong shape or type.
std::unique_ptr<Plan> Compile(const Graph& graph, const ParamMap& params,
                              const CompileOptions& options = {});

}  // namespace linnet

#endif  // LINNET_INFER_PLAN_H_
