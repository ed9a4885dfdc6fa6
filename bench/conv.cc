// Dense convolution layers of known networks: by row pointers, as a first layer, by Winograd, in
// float32 from split bfloat16 and in bfloat16, in alternation, beside this machine's peak of
// float32 multiply-adds.
//
//   [LINNET_TARGET=avx2] bench_conv [NETWORK | LAYER]... [threads=1] [seconds=0.1] [weights=64]
//
// LAYER is a line's first column: 56x56x64-64,3s1 has 64 -> 64 channels, a 3x3 kernel, stride 1 and
// padding as for TensorFlow's SAME.
// NETWORK: resnet50, googlenet, vgg16, squeezenet, densenet121, pointwise, stems; all of them by
// default. weights: the layer's weights are met in so many MB of copies, one after another, as
// those of a whole network are: warm weights would flatter what has more of them. 0: one copy.
//
// Times are medians in milliseconds, percents are of the peak with the multiply-adds of the direct
// convolution, so Winograd may pass 100.
#include "kernels/conv.h"

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/tensor.h"
#include "base/thread_pool.h"
#include "kernels/bf16_conv.h"
#include "kernels/machine.h"
#include "kernels/stem.h"
#include "kernels/targets.h"
#include "kernels/winograd.h"

namespace linnet::kernels {
namespace {

struct Options {
  int threads = 1;
  double seconds = 0.1;  // for each layer
  double weights_mb = 64;
};

const std::map<std::string, std::vector<std::string>>& Networks() {
  static const std::map<std::string, std::vector<std::string>> networks = {
      {"resnet50",
       {"56x56x64-64,3s1", "28x28x128-128,3s1", "14x14x256-256,3s1", "7x7x512-512,3s1"}},
      {"googlenet",
       {"56x56x64-192,3s1", "28x28x96-128,3s1", "28x28x128-192,3s1", "28x28x16-32,3s1",
        "28x28x32-96,3s1", "14x14x96-208,3s1", "14x14x160-320,3s1", "14x14x16-48,3s1",
        "7x7x160-320,3s1", "7x7x192-384,3s1", "7x7x48-128,3s1"}},
      {"vgg16",
       {"224x224x3-64,3s1", "224x224x64-64,3s1", "112x112x128-128,3s1", "56x56x256-256,3s1",
        "28x28x512-512,3s1", "14x14x512-512,3s1"}},
      {"squeezenet",
       {"55x55x16-64,3s1", "27x27x32-128,3s1", "13x13x48-192,3s1", "13x13x64-256,3s1"}},
      {"densenet121",
       {"56x56x128-32,3s1", "28x28x128-32,3s1", "14x14x128-32,3s1", "7x7x128-32,3s1"}},
      {"pointwise",  // ResNet-50, then DenseNet-121
       {"56x56x64-64,1s1", "56x56x64-256,1s1", "56x56x256-64,1s1", "28x28x512-128,1s1",
        "28x28x128-512,1s1", "14x14x1024-256,1s1", "14x14x256-1024,1s1", "7x7x2048-512,1s1",
        "7x7x512-2048,1s1", "56x56x128-128,1s1", "28x28x320-128,1s1", "14x14x640-128,1s1",
        "7x7x768-128,1s1"}},
      {"stems",
       {"224x224x3-16,3s2", "224x224x3-32,3s2", "224x224x3-64,3s2", "224x224x3-64,7s2",
        "224x224x3-24,3s2"}},
  };
  return networks;
}

// False if the text is no layer.
bool ParseLayer(const std::string& text, ConvShape& shape) {
  long h, w, c, k, kernel, stride;
  if (std::sscanf(text.c_str(), "%ldx%ldx%ld-%ld,%lds%ld", &h, &w, &c, &k, &kernel, &stride) != 6) {
    return false;
  }
  const auto padding = [&](int64_t size) {
    return std::max<int64_t>(0, ((size + stride - 1) / stride - 1) * stride + kernel - size);
  };
  shape = {1, h, w, c, k, kernel, kernel, stride, stride};
  shape.pad_top = padding(h) / 2, shape.pad_bottom = padding(h) - shape.pad_top;
  shape.pad_left = padding(w) / 2, shape.pad_right = padding(w) - shape.pad_left;
  shape = WithOutput(shape);
  return true;
}

// With one thread the processor time of the thread, so that other processes cost us cache, not
// seconds.
double Now(int threads) {
  timespec t;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

Tensor Random(int64_t elements, uint64_t seed) {
  Tensor tensor{Shape({elements})};
  Rng rng(seed);
  for (int64_t i = 0; i < elements; ++i) tensor.data()[i] = rng.Uniform(-1, 1);
  return tensor;
}

// In bfloat16, or in float32 by three products of it, as the other ways are run. Of bfloat16 values
// it gets those that the bits of the floats are: their time is the same.
struct InBf16 {
  kernels::Conv2dBf16 conv;
  int64_t c, k;
  InBf16(const ConvShape& shape, bool split)
      : conv(shape, {.src = !split, .residual = !split, .dst = !split, .split = split}),
        c(shape.c),
        k(shape.k) {}
  const std::string& name() const { return conv.name(); }
  size_t packed_bytes() const { return conv.packed_bytes(); }
  size_t ScratchBytes(int threads) const { return conv.ScratchBytes(threads); }
  void Pack(const float* weights, void* packed, ThreadPool* pool) const {
    conv.Pack(weights, packed, pool);
  }
  void Run(const void* src, const void* packed, void* dst, const Epilogue& epilogue, void* scratch,
           ThreadPool* pool) const {
    conv.Run(src, c, packed, dst, k, {.act = epilogue.act}, scratch, pool);
  }
};

// One way to compute a layer, with as many copies of its weights as the options ask for.
class Candidate {
 public:
  template <class Plan>
  Candidate(const Plan& plan, const Tensor& weights, const Options& options)
      : name_(plan.name()),
        scratch_(Shape({static_cast<int64_t>(plan.ScratchBytes(options.threads) / 4 + 1)})),
        run_([plan](const float* src, const float* packed, float* dst, void* scratch,
                    ThreadPool* pool) {
          plan.Run(src, packed, dst, {.act = Activation::kRelu}, scratch, pool);
        }) {
    const double bytes = static_cast<double>(plan.packed_bytes());
    const int copies = std::clamp(static_cast<int>(options.weights_mb * 1e6 / bytes), 1, 400);
    for (int i = 0; i < copies; ++i) {
      packed_.emplace_back(Shape({static_cast<int64_t>(plan.packed_bytes() / 4)}));
      if (i == 0) plan.Pack(weights.data(), packed_[0].data(), nullptr);
      if (i > 0) std::copy_n(packed_[0].data(), packed_[0].elements(), packed_[i].data());
    }
  }
  void Run(const Tensor& src, Tensor& dst, ThreadPool* pool) {
    const double start = Now(Threads(pool));
    run_(src.data(), packed_[next_++ % packed_.size()].data(), dst.data(), scratch_.data(), pool);
    seconds_.push_back(Now(Threads(pool)) - start);
  }
  double Median() {
    std::nth_element(seconds_.begin(), seconds_.begin() + seconds_.size() / 2, seconds_.end());
    return seconds_[seconds_.size() / 2];
  }
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  Tensor scratch_;
  std::vector<Tensor> packed_;
  size_t next_ = 0;
  std::function<void(const float*, const float*, float*, void*, ThreadPool*)> run_;
  std::vector<double> seconds_;
};

// "winograd4_f32 6x64": winograd4. "matmul_bf16x3 AMX 32x32": bf16x3.
std::string ShortName(const std::string& name) {
  const size_t method = name.find('_'), precision = name.find(' ');
  const bool is_float = name.compare(method, 4, "_f32") == 0;
  return is_float ? name.substr(0, method) : name.substr(method + 1, precision - method - 1);
}

void MeasureLayer(const std::string& name, const ConvShape& s, const Options& options,
                  ThreadPool* pool) {
  const Tensor src = Random(s.src_elements(), 1), weights = Random(s.weight_elements(), 2);
  Tensor dst(Shape({s.dst_elements()}));
  std::vector<Candidate> candidates;
  candidates.emplace_back(Conv2dForward(s), weights, options);
  if (StemRefuses(s).empty()) candidates.emplace_back(StemForward(s), weights, options);
  if (s.kh == 3 && s.stride_h == 1) {
    for (const int m : {2, 4}) candidates.emplace_back(WinogradForward(s, m), weights, options);
  }
  for (const bool split : {true, false}) {
    candidates.emplace_back(InBf16(s, split), weights, options);
  }
  double peak = 0;
  const double start = Now(options.threads);
  for (int round = 0; round < 5 || Now(options.threads) - start < options.seconds; ++round) {
    double macs;
    const double seconds = FmaSeconds(4000, &macs);
    peak = std::max(peak, 1e-9 * macs / seconds * options.threads);
    for (Candidate& candidate : candidates) candidate.Run(src, dst, pool);
  }
  std::printf("%-20s", name.c_str());
  const double macs = static_cast<double>(s.dst_elements() * s.kh * s.kw * s.c);
  const double direct = candidates[0].Median();
  for (Candidate& candidate : candidates) {
    const double seconds = candidate.Median();
    std::printf("  %s %8.4f ms %3.0f %% x%.2f", ShortName(candidate.name()).c_str(), 1e3 * seconds,
                1e-7 * macs / seconds / peak, direct / seconds);
  }
  std::printf("\n");
  std::fflush(stdout);
}

int Main(int argc, char** argv) {
  Options options;
  std::vector<std::string> layers;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    ConvShape shape;
    if (arg.rfind("threads=", 0) == 0) {
      options.threads = std::atoi(arg.c_str() + 8);
    } else if (arg.rfind("seconds=", 0) == 0) {
      options.seconds = std::atof(arg.c_str() + 8);
    } else if (arg.rfind("weights=", 0) == 0) {
      options.weights_mb = std::atof(arg.c_str() + 8);
    } else if (const auto found = Networks().find(arg); found != Networks().end()) {
      layers.insert(layers.end(), found->second.begin(), found->second.end());
    } else if (ParseLayer(arg, shape)) {
      layers.push_back(arg);
    } else {
      std::fprintf(stderr,
                   "usage: %s [NETWORK | LAYER]... [threads=1] [seconds=0.1] [weights=64]\n"
                   "LAYER: 56x56x64-64,3s1; NETWORK: one of",
                   argv[0]);
      for (const auto& [name, of_network] : Networks()) std::fprintf(stderr, " %s", name.c_str());
      std::fprintf(stderr, "\nLINNET_TARGET=avx2 lowers the instruction set\n");
      return 2;
    }
  }
  if (layers.empty()) {
    for (const auto& [name, of_network] : Networks()) {
      layers.insert(layers.end(), of_network.begin(), of_network.end());
    }
  }
  ThreadPool pool(options.threads);
  std::printf("%s, %d thread(s), %.0f MB of weights\n", TargetName(CurrentTarget()),
              options.threads, options.weights_mb);
  for (const std::string& layer : layers) {
    ConvShape shape;
    ParseLayer(layer, shape);
    MeasureLayer(layer, shape, options, options.threads == 1 ? nullptr : &pool);
  }
  return 0;
}

}  // namespace
}  // namespace linnet::kernels

int main(int argc, char** argv) { return linnet::kernels::Main(argc, argv); }
