// Int8 layers beside what the dot-product instruction allows, and beside float32.
//
//   [LINNET_TARGET=avx3_vnni] bench_int8 [threads=1] [network=v1|v2|v3_large|v3_small] [SHAPE...]
//
// A line for each shape; its first words are the shape and can be given as an argument again:
//   conv:224x224x3-32:3s2   224x224, 3 to 32 channels, 3x3, stride 2
//   conv:14x14x512-512:1s1  a pointwise one
//   dw:14x14x512:3s1        depthwise
// Padding is kernel / 2. For each: the time, multiply-adds a second, their share of the
// instruction's peak, and how many times as long float32 takes. All are measured in turn, in the
// calling process; the times are medians of their rounds, the peak is the best of its own. The last
// line sums up, a shape counted as often as the network has it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "base/thread_pool.h"
#include "kernels/int8_conv.h"
#include "kernels/int8_depthwise.h"
#include "kernels/int8_kernels.h"
#include "kernels/targets.h"

namespace linnet::kernels {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Shape {
  bool depthwise = false;
  int h = 0, w = 0, c = 0, k = 0, kernel = 1, stride = 1;
  int times = 1;  // in the network

  int out(int in) const { return (in + kernel / 2 * 2 - kernel) / stride + 1; }
  double macs() const {
    const double pixels = static_cast<double>(out(h)) * out(w);
    return pixels * kernel * kernel * c * (depthwise ? 1 : k);
  }
};

std::string Text(const Shape& s) {
  char text[80];
  if (s.depthwise) {
    std::snprintf(text, sizeof(text), "dw:%dx%dx%d:%ds%d", s.h, s.w, s.c, s.kernel, s.stride);
  } else {
    std::snprintf(text, sizeof(text), "conv:%dx%dx%d-%d:%ds%d", s.h, s.w, s.c, s.k, s.kernel,
                  s.stride);
  }
  return text;
}

bool Parse(const std::string& text, Shape* s) {
  *s = {};
  s->depthwise = std::sscanf(text.c_str(), "dw:%dx%dx%d:%ds%d", &s->h, &s->w, &s->c, &s->kernel,
                             &s->stride) == 5;
  if (s->depthwise) s->k = s->c;
  return s->depthwise || std::sscanf(text.c_str(), "conv:%dx%dx%d-%d:%ds%d", &s->h, &s->w, &s->c,
                                     &s->k, &s->kernel, &s->stride) == 6;
}

// ---- networks, at 224x224 ----

class Layers {
 public:
  void Conv(int c, int k, int kernel, int stride) {
    Add({false, size_, size_, c, k, kernel, stride});
  }
  void Depthwise(int c, int kernel, int stride) { Add({true, size_, size_, c, c, kernel, stride}); }
  // Expansion, depthwise, projection.
  void Inverted(int c, int middle, int k, int kernel, int stride) {
    if (middle != c) Conv(c, middle, 1, 1);
    Depthwise(middle, kernel, stride);
    Conv(middle, k, 1, 1);
  }
  std::vector<Shape> Take() { return std::move(shapes_); }

 private:
  void Add(const Shape& shape) {
    size_ = shape.out(size_);
    for (Shape& s : shapes_) {
      if (Text(s) == Text(shape)) {
        ++s.times;
        return;
      }
    }
    shapes_.push_back(shape);
  }
  int size_ = 224;
  std::vector<Shape> shapes_;
};

std::vector<Shape> V1() {
  Layers net;
  net.Conv(3, 32, 3, 2);
  const int rows[][3] = {{32, 64, 1},    {64, 128, 2},  {128, 128, 1}, {128, 256, 2},
                         {256, 256, 1},  {256, 512, 2}, {512, 512, 1}, {512, 512, 1},
                         {512, 512, 1},  {512, 512, 1}, {512, 512, 1}, {512, 1024, 2},
                         {1024, 1024, 1}};
  for (const auto& [c, k, stride] : rows) {
    net.Depthwise(c, 3, stride);
    net.Conv(c, k, 1, 1);
  }
  return net.Take();
}

std::vector<Shape> V2() {
  Layers net;
  net.Conv(3, 32, 3, 2);
  // expansion, channels, repeats, stride
  const int rows[][4] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                         {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  int c = 32;
  for (const auto& [t, k, repeats, stride] : rows) {
    for (int i = 0; i < repeats; ++i, c = k) net.Inverted(c, t * c, k, 3, i == 0 ? stride : 1);
  }
  net.Conv(320, 1280, 1, 1);
  return net.Take();
}

// kernel, expanded, channels, stride
using V3Row = int[4];
template <size_t kRows>
std::vector<Shape> V3(const V3Row (&rows)[kRows], int last) {
  Layers net;
  net.Conv(3, 16, 3, 2);
  int c = 16;
  for (const auto& [kernel, middle, k, stride] : rows) {
    net.Inverted(c, middle, k, kernel, stride);
    c = k;
  }
  net.Conv(c, last, 1, 1);
  return net.Take();
}

std::vector<Shape> V3Large() {
  const V3Row rows[] = {{3, 16, 16, 1},   {3, 64, 24, 2},   {3, 72, 24, 1},   {5, 72, 40, 2},
                        {5, 120, 40, 1},  {5, 120, 40, 1},  {3, 240, 80, 2},  {3, 200, 80, 1},
                        {3, 184, 80, 1},  {3, 184, 80, 1},  {3, 480, 112, 1}, {3, 672, 112, 1},
                        {5, 672, 160, 2}, {5, 960, 160, 1}, {5, 960, 160, 1}};
  return V3(rows, 960);
}

std::vector<Shape> V3Small() {
  const V3Row rows[] = {{3, 16, 16, 2},  {3, 72, 24, 2},  {3, 88, 24, 1},  {5, 96, 40, 2},
                        {5, 240, 40, 1}, {5, 240, 40, 1}, {5, 120, 48, 1}, {5, 144, 48, 1},
                        {5, 288, 96, 2}, {5, 576, 96, 1}, {5, 576, 96, 1}};
  return V3(rows, 576);
}

// ---- measuring ----

// Zero-filled memory of the layers, as in the arena of a Plan.
template <class T>
std::shared_ptr<T> Memory(size_t count, int seed = 0) {
  const auto memory = std::static_pointer_cast<T>(AllocateAligned(count * sizeof(T) + 64));
  for (size_t i = 0; seed != 0 && i < count; ++i) {
    memory.get()[i] =
        static_cast<T>((i * 2654435761u >> 7) % 251 * static_cast<size_t>(seed) % 127);
  }
  return memory;
}

ConvShape ConvOf(const Shape& s) {
  ConvShape conv;
  conv.h = s.h;
  conv.w = s.w;
  conv.c = s.c;
  conv.k = s.k;
  conv.kh = conv.kw = s.kernel;
  conv.stride_h = conv.stride_w = s.stride;
  conv.pad_top = conv.pad_left = conv.pad_bottom = conv.pad_right = s.kernel / 2;
  return WithOutput(conv);
}

DepthwiseShape DepthwiseOf(const Shape& s) {
  DepthwiseShape shape;
  shape.h = s.h;
  shape.w = s.w;
  shape.c = s.c;
  shape.out_h = s.out(s.h);
  shape.out_w = s.out(s.w);
  shape.kernel_h = shape.kernel_w = s.kernel;
  shape.stride_h = shape.stride_w = s.stride;
  shape.pad_top = shape.pad_left = s.kernel / 2;
  return shape;
}

using Call = std::function<void()>;

struct Sizes {
  explicit Sizes(const Shape& s)
      : src(static_cast<size_t>(s.h) * s.w * s.c),
        dst(static_cast<size_t>(s.out(s.h)) * s.out(s.w) * s.k),
        weights(static_cast<size_t>(s.kernel) * s.kernel * s.k * (s.depthwise ? 1 : s.c)) {}
  size_t src, dst, weights;
};

template <class Layer, class Pack>
Call Int8Layer(const Shape& s, std::shared_ptr<Layer> layer, ThreadPool* pool, Pack&& pack) {
  const Sizes sizes(s);
  const auto src = Memory<uint8_t>(sizes.src, 3), dst = Memory<uint8_t>(sizes.dst);
  const auto values = Memory<int8_t>(sizes.weights, 2);
  const auto packed = Memory<uint8_t>(layer->packed_bytes());
  const auto scratch = Memory<uint8_t>(layer->ScratchBytes(Threads(pool)));
  const std::vector<float> scales(static_cast<size_t>(s.k), 1e-3f), bias(scales.size(), 0.1f);
  pack(*layer, Int8Weights{values.get(), scales.data(), bias.data()}, packed.get());
  return [=] { layer->Run(src.get(), packed.get(), nullptr, dst.get(), scratch.get(), pool); };
}

Call Int8Call(const Shape& s, ThreadPool* pool) {
  const Quantization src{0.02f, 3};
  const Int8Epilogue epilogue{.dst = {0.03f, 0}, .act = Activation::kRelu6};
  if (s.depthwise) {
    return Int8Layer(s, std::make_shared<DepthwiseInt8>(DepthwiseOf(s), src, epilogue), pool,
                     [](const DepthwiseInt8& layer, const Int8Weights& weights, void* packed) {
                       layer.Pack(weights, packed);
                     });
  }
  return Int8Layer(s, std::make_shared<Conv2dInt8>(ConvOf(s), src, epilogue), pool,
                   [&](const Conv2dInt8& layer, const Int8Weights& weights, void* packed) {
                     layer.Pack(weights, packed, pool);
                   });
}

Call FloatCall(const Shape& s, ThreadPool* pool) {
  Sizes sizes(s);
  DepthwiseShape shape = DepthwiseOf(s);
  if (s.depthwise) {  // as a Plan lays the maps out
    shape.src_pixel = shape.dst_pixel = DepthwiseSpreadPixel(s.c);
    sizes.src = sizes.src / s.c * shape.src_pixel;
    sizes.dst = sizes.dst / s.c * shape.dst_pixel;
  }
  const auto src = Memory<float>(sizes.src, 3), dst = Memory<float>(sizes.dst);
  const auto weights = Memory<float>(sizes.weights, 2);
  const auto bias = Memory<float>(static_cast<size_t>(s.k));
  const Epilogue epilogue{bias.get(), Activation::kRelu6};
  if (s.depthwise) {
    const auto packed = Memory<float>(DepthwisePackedBytes(shape) / sizeof(float));
    PackDepthwise(shape, weights.get(), packed.get());
    return [=] {
      (void)bias;
      DepthwiseForward(shape, src.get(), packed.get(), epilogue, dst.get(), pool);
    };
  }
  const auto conv = std::make_shared<Conv2dForward>(ConvOf(s));
  const auto packed = Memory<float>(conv->packed_bytes() / sizeof(float));
  const auto scratch = Memory<float>(conv->ScratchBytes(Threads(pool)) / sizeof(float));
  conv->Pack(weights.get(), packed.get(), pool);
  return [=] {
    (void)bias;
    conv->Run(src.get(), packed.get(), dst.get(), epilogue, scratch.get(), pool);
  };
}

// Seconds of one call, by rounds of about a millisecond.
class Timed {
 public:
  explicit Timed(Call call) : call_(std::move(call)) {
    call_();
    Round();
    calls_ = static_cast<int>(std::clamp(1e-3 / seconds_[0], 1.0, 1000.0));
    seconds_.clear();
  }
  void Round() {
    const double start = Now();
    for (int i = 0; i < calls_; ++i) call_();
    seconds_.push_back((Now() - start) / calls_);
  }
  double median() {
    std::sort(seconds_.begin(), seconds_.end());
    return seconds_[seconds_.size() / 2];
  }

 private:
  Call call_;
  int calls_ = 1;
  std::vector<double> seconds_;
};

// The rate of the dot-product instruction in a short burst, GMAC/s of one thread; 0 if the target
// has none.
double PeakOnce() {
  const auto dot_rounds = GetInt8Kernels()->dot_rounds;
  if (dot_rounds == nullptr) return 0;
  double macs = 0;
  const double start = Now();
  volatile int32_t sink = dot_rounds(5000, &macs);
  (void)sink;
  return 1e-9 * macs / (Now() - start);
}

struct Sums {
  double seconds = 0, float_seconds = 0, macs = 0;
  void Add(const Shape& s, double int8, double float32) {
    seconds += s.times * int8;
    float_seconds += s.times * float32;
    macs += s.times * s.macs();
  }
  void Print(const char* what) const {
    if (macs == 0) return;
    std::printf("%-26s %9.1f us  %7.1f GMAC/s            float32 / int8 %5.2f\n", what,
                seconds * 1e6, macs / seconds * 1e-9, float_seconds / seconds);
  }
};

void Run(const std::vector<Shape>& shapes, ThreadPool* pool) {
  constexpr int kRounds = 15;
  Sums all, depthwise, first, rest;
  for (const Shape& s : shapes) {
    Timed int8(Int8Call(s, pool)), float32(FloatCall(s, pool));
    double peak = 0;
    for (int round = 0; round < kRounds; ++round) {
      int8.Round();
      float32.Round();
      peak = std::max(peak, PeakOnce() * Threads(pool));
    }
    const double seconds = int8.median(), float_seconds = float32.median();
    const double rate = s.macs() / seconds * 1e-9;
    std::printf("%-24s x%d %8.1f us  %7.1f GMAC/s  %5.1f %%  float32 / int8 %5.2f\n",
                Text(s).c_str(), s.times, seconds * 1e6, rate, peak == 0 ? 0 : 100 * rate / peak,
                float_seconds / seconds);
    std::fflush(stdout);
    all.Add(s, seconds, float_seconds);
    (s.depthwise ? depthwise : s.c == 3 ? first : rest).Add(s, seconds, float_seconds);
  }
  depthwise.Print("depthwise");
  first.Print("first layer");
  rest.Print("other convolutions");
  all.Print("all");
}

int Main(int argc, char** argv) {
  int threads = 1;
  std::vector<Shape> shapes;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    Shape shape;
    if (arg.starts_with("threads=")) {
      threads = std::atoi(arg.c_str() + 8);
    } else if (arg == "network=v2") {
      shapes = V2();
    } else if (arg == "network=v3_large") {
      shapes = V3Large();
    } else if (arg == "network=v3_small") {
      shapes = V3Small();
    } else if (arg == "network=v1") {
      shapes = V1();
    } else if (Parse(arg, &shape)) {
      shapes.push_back(shape);
    } else {
      std::fprintf(stderr, "bench_int8: %s is none of its arguments\n", argv[i]);
      return 2;
    }
  }
  if (shapes.empty()) shapes = V1();
  ThreadPool pool(threads);
  std::printf("%d threads, %s, extras %s, peak of one %.1f GMAC/s\n", threads,
              TargetName(CurrentTarget()), kExtrasNames[static_cast<int>(CurrentExtras())],
              PeakOnce());
  Run(shapes, &pool);
  return 0;
}

}  // namespace
}  // namespace linnet::kernels

int main(int argc, char** argv) { return linnet::kernels::Main(argc, argv); }
