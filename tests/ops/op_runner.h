// Runs an op on random numbers, between guard bytes, and hands back all that it wrote; and the same
// through its reference.
#ifndef LINNET_TESTS_OPS_OP_RUNNER_H_
#define LINNET_TESTS_OPS_OP_RUNNER_H_

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <complex>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "ops/op_def.h"

namespace linnet {

using Floats = std::vector<float>;
constexpr uint64_t kDropoutSeed = 77;

// Counted by the test program's operator new while 'counting'.
inline std::atomic<bool> counting_allocations = false;
inline std::atomic<int64_t> allocations = 0;

// ---- the numbers of a sample ----

struct Numbers {
  std::vector<ParamSpec> specs;
  Shape out_shape;
  std::vector<Floats> in, params;
  Floats dout;
};

// From -4 to 7, past both ends of every activation, and off their kinks.
inline float OffKinks(Rng& rng) {
  for (;;) {
    const float x = rng.Uniform(-4, 7);
    bool off = true;
    for (const float kink : {-3.0f, 0.0f, 3.0f, 6.0f}) off = off && std::abs(x - kink) > 1e-3f;
    if (off) return x;
  }
}

inline Floats RandomParam(const ParamSpec& spec, Rng& rng) {
  Floats values(static_cast<size_t>(spec.shape.elements()));
  const float fan_in = static_cast<float>(spec.shape.elements() / spec.shape[0]);
  for (float& value : values) {
    if (spec.init == Init::kZeros)
      value = rng.Uniform(-1, 1);
    else if (spec.init == Init::kOnes)
      value = rng.Uniform(0.5f, 2);
    else
      value = rng.Normal() / std::sqrt(fan_in);
  }
  return values;
}

inline Numbers MakeNumbers(const Sample& sample, uint64_t seed) {
  const OpDef& def = DefOf(sample.op);
  Rng rng(seed);
  Numbers numbers;
  numbers.specs = def.params(sample.op, sample.in);
  numbers.out_shape = def.infer(sample.op, sample.in);
  for (const Shape& shape : sample.in) {
    numbers.in.emplace_back(static_cast<size_t>(shape.elements()));
    for (float& x : numbers.in.back()) x = OffKinks(rng);
  }
  for (const ParamSpec& spec : numbers.specs) numbers.params.push_back(RandomParam(spec, rng));
  numbers.dout.resize(static_cast<size_t>(numbers.out_shape.elements()));
  for (float& x : numbers.dout) x = rng.Uniform(-1, 1);
  return numbers;
}

// ---- memory that tells ----

// Aligned, and ends exactly where its memory ends: a sanitizer sees a read past it.
inline Tensor Exact(const Floats& values, const Shape& shape) {
  void* memory = nullptr;
  EXPECT_EQ(posix_memalign(&memory, Tensor::kAlignment, values.size() * sizeof(float)), 0);
  std::memcpy(memory, values.data(), values.size() * sizeof(float));
  return Tensor::Shared(memory, shape, DType::kF32, {memory, std::free});
}

// Aligned memory between guard bytes.
class Guarded {
 public:
  explicit Guarded(size_t bytes) : bytes_(bytes) {
    void* memory = nullptr;
    EXPECT_EQ(posix_memalign(&memory, Tensor::kAlignment, bytes + 2 * kGuard), 0);
    memory_.reset(static_cast<uint8_t*>(memory), std::free);
    std::memset(memory, kFill, bytes + 2 * kGuard);
  }
  Guarded(const Shape& shape, float value) : Guarded(shape.elements() * sizeof(float)) {
    shape_ = shape;
    std::fill_n(tensor().data(), shape.elements(), value);
  }
  Guarded(const Shape& shape, const Floats& values) : Guarded(shape, 0.0f) {
    std::copy(values.begin(), values.end(), tensor().data());
  }

  uint8_t* data() const { return memory_.get() + kGuard; }
  Tensor tensor() const { return Tensor::View(data(), shape_); }
  Floats values() const {
    const Tensor t = tensor();
    return Floats(t.data(), t.data() + t.elements());
  }
  bool Intact() const {
    for (size_t i = 0; i < kGuard; ++i) {
      if (memory_.get()[i] != kFill || data()[bytes_ + i] != kFill) return false;
    }
    return true;
  }

 private:
  static constexpr size_t kGuard = 256;
  static constexpr uint8_t kFill = 0xff;  // as floats: NaN
  std::shared_ptr<uint8_t> memory_;
  size_t bytes_;
  Shape shape_;
};

// Values as pixels that lie 'stride' numbers apart, with NaN between them.
inline Floats Spread(const Floats& values, int64_t channels, int64_t stride) {
  if (values.empty()) return {};
  const size_t pixels = values.size() / static_cast<size_t>(channels);
  Floats spread((pixels - 1) * stride + channels, std::numeric_limits<float>::quiet_NaN());
  for (size_t i = 0; i < values.size(); ++i) {
    spread[i / channels * stride + i % channels] = values[i];
  }
  return spread;
}

// ---- a run ----

struct RunOptions {
  bool training = false;
  ThreadPool* pool = nullptr;
  bool in_place = false;    // the result over the first input
  bool accumulate = false;  // gradients of inputs are added to 'initial'
  float initial = 0;        // gradients of parameters always are
  bool want_din = true;
  // Pixels of the inputs, and of the result, lie so many NaN further apart than their channels.
  int64_t in_gap = 0, out_gap = 0;
  bool gradient_in_place = false;  // the gradient of the first input over that of the result
  bool twice = false;  // the second input is the first, and has its gradient added to the first's
  std::string implementation = {};  // empty: as the op's rules say
  bool packed_elsewhere = false;    // weights that another one has packed, as bytes
};

// Gives 'prepared' what the pack of another one, prepared in the same way, has left.
inline void GivePacked(const Prepared& packed, const Prepared& prepared) {
  ASSERT_EQ(packed.packed.size(), prepared.packed.size());
  ASSERT_EQ(packed.packed.empty(), packed.pack == nullptr) << "packs, and does not say where";
  for (size_t i = 0; i < packed.packed.size(); ++i) {
    EXPECT_FALSE(*prepared.packed[i]) << "takes memory before it packs";
    ASSERT_EQ(packed.packed[i]->shape(), prepared.packed[i]->shape());
    ASSERT_EQ(packed.packed[i]->dtype(), prepared.packed[i]->dtype());
    *prepared.packed[i] = packed.packed[i]->Clone();
  }
}

struct Outcome {
  Prepared prepared;
  Floats out;
  std::vector<Floats> params;  // after the run: running statistics
  std::vector<Floats> din, dparams;
};

inline bool SameBits(const Floats& a, const Floats& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// The tensors of a run.
class OpRun {
 public:
  OpRun(const Sample& sample, const Numbers& numbers, const RunOptions& options)
      : numbers_(numbers),
        options_(options),
        prepare_([&sample, &numbers, &options] {
          return DefOf(sample.op).prepare(sample.op, {.in = sample.in,
                                                      .out = numbers.out_shape,
                                                      .training = options.training,
                                                      .threads = Threads(options.pool),
                                                      .implementation = options.implementation});
        }),
        prepared_(prepare_()),
        scratch_(prepared_.scratch_bytes) {
    for (size_t i = 0; i < sample.in.size(); ++i) {
      if (options.twice && i == 1) {
        in_.push_back(in_[0]);
        in_stride_.push_back(in_stride_[0]);
        din_.push_back(din_[0]);
        continue;
      }
      const bool overwritten = options.in_place && i == 0;
      if (overwritten) guarded_.emplace_back(sample.in[i], numbers.in[i]);
      in_stride_.push_back(Channels(sample.in[i]) + options.in_gap);
      const Floats spread = Spread(numbers.in[i], Channels(sample.in[i]), in_stride_.back());
      in_.push_back(overwritten ? guarded_.back().tensor() : Exact(spread, sample.in[i]));
      din_.push_back(options.want_din
                         ? Make(sample.in[i], options.accumulate ? options.initial : kNan)
                         : Tensor());
    }
    for (size_t i = 0; i < numbers.specs.size(); ++i) {
      const ParamSpec& spec = numbers.specs[i];
      guarded_.emplace_back(spec.shape, numbers.params[i]);
      params_.push_back(guarded_.back().tensor());
      dparams_.push_back(spec.trainable ? Make(spec.shape, options.initial) : Tensor());
    }
    for (const Shape& shape : prepared_.saved) saved_.push_back(Make(shape, kNan));
    const Shape& out = numbers.out_shape;
    out_stride_ = Channels(out) + options.out_gap;
    out_ = options.in_place ? in_[0].Reshaped(out) : Make({Rows(out) * out_stride_}, kNan);
    if (!options.in_place) out_ = Tensor::View(out_.data(), out);
    guarded_.emplace_back(numbers.out_shape, numbers.dout);
    dout_ = guarded_.back().tensor();
    if (options.gradient_in_place) din_[0] = dout_.Reshaped(sample.in[0]);
  }

  Outcome Run() {
    if (options_.packed_elsewhere) {
      const Prepared packed = prepare_();
      if (packed.pack) packed.pack(params_, options_.pool);
      GivePacked(packed, prepared_);
    } else if (prepared_.pack) {
      prepared_.pack(params_, options_.pool);
      Counting(
          [&] { prepared_.pack(params_, options_.pool); });  // again, as in every training step
    }
    Counting([&] { Forward(); });
    if (options_.training) Counting([&] { Backward(); });
    for (const Guarded& guarded : guarded_) EXPECT_TRUE(guarded.Intact()) << "wrote past an array";
    EXPECT_TRUE(scratch_.Intact()) << "wrote past the scratch memory";
    return {prepared_, Gathered(), Values(params_), Values(din_), Values(dparams_)};
  }

 private:
  static constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

  Tensor Make(const Shape& shape, float value) {
    return guarded_.emplace_back(shape, value).tensor();
  }
  static std::vector<Floats> Values(const std::vector<Tensor>& tensors) {
    std::vector<Floats> values;
    for (const Tensor& t : tensors) {
      values.emplace_back();
      if (t) values.back().assign(t.data(), t.data() + t.elements());
    }
    return values;
  }
  template <class F>
  static void Counting(F&& f) {
    allocations = 0;
    counting_allocations = true;
    f();
    counting_allocations = false;
    EXPECT_EQ(allocations, 0) << "memory was allocated on the way";
  }
  // The result without its gaps, which have to be as they were.
  Floats Gathered() {
    Floats values;
    const int64_t channels = Channels(out_.shape());
    for (int64_t i = 0; i < Rows(out_.shape()) * out_stride_; ++i) {
      if (i % out_stride_ < channels) {
        values.push_back(out_.data()[i]);
      } else {
        EXPECT_TRUE(std::isnan(out_.data()[i])) << "wrote between two pixels";
      }
    }
    return values;
  }
  std::byte* scratch() { return reinterpret_cast<std::byte*>(scratch_.data()); }

  void Forward() {
    std::span<Tensor> params(params_);
    // Inference has to make do with what pack took.
    prepared_.forward({in_, out_, options_.training ? params : std::span<Tensor>(), saved_,
                       scratch(), options_.pool, kDropoutSeed, in_stride_, out_stride_});
  }
  void Backward() {
    bool accumulate[8];
    std::fill_n(accumulate, 8, options_.accumulate);
    if (options_.twice) accumulate[1] = true;
    prepared_.backward({in_, out_, dout_, din_, std::span(accumulate, in_.size()), params_,
                        dparams_, saved_, scratch(), options_.pool, kDropoutSeed});
  }

  const Numbers& numbers_;
  RunOptions options_;
  std::function<Prepared()> prepare_;
  Prepared prepared_;
  Guarded scratch_;
  std::vector<Guarded> guarded_;
  std::vector<Tensor> in_, params_, saved_, din_, dparams_;
  std::vector<int64_t> in_stride_;
  int64_t out_stride_ = 0;
  Tensor out_, dout_;
};

inline Outcome RunOp(const Sample& sample, const Numbers& numbers, const RunOptions& options) {
  return OpRun(sample, numbers, options).Run();
}

// ---- the same through the reference ----

template <class T>
std::vector<RefTensor<T>> ToReference(const std::vector<Floats>& values,
                                      const std::vector<Shape>& shapes) {
  std::vector<RefTensor<T>> tensors;
  for (size_t i = 0; i < values.size(); ++i) {
    tensors.emplace_back(shapes[i]);
    for (size_t j = 0; j < values[i].size(); ++j) tensors[i].data[j] = T(values[i][j]);
  }
  return tensors;
}

inline std::vector<Shape> SpecShapes(const Numbers& numbers) {
  std::vector<Shape> shapes;
  for (const ParamSpec& spec : numbers.specs) shapes.push_back(spec.shape);
  return shapes;
}

inline std::vector<double> RunReferenceOp(const Sample& sample, const Numbers& numbers,
                                          bool training) {
  const auto in = ToReference<double>(numbers.in, sample.in);
  const auto params = ToReference<double>(numbers.params, SpecShapes(numbers));
  return DefOf(sample.op)
      .reference(sample.op, {in, params, numbers.out_shape, training, kDropoutSeed})
      .data;
}

// Derivatives of sum(dout * y) by the complex step (Squire and Trapp, SIAM Review 1998): exact to
// rounding, since nothing is subtracted.
class ComplexStep {
 public:
  ComplexStep(const Sample& sample, const Numbers& numbers)
      : sample_(sample),
        numbers_(numbers),
        in_(ToReference<Complex>(numbers.in, sample.in)),
        params_(ToReference<Complex>(numbers.params, SpecShapes(numbers))) {}

  // Along 'direction' of input 'which', or from the number of inputs on, of a parameter.
  double Along(size_t which, const std::vector<double>& direction) {
    constexpr double kStep = 1e-30;
    RefTensor<Complex>& moved = which < in_.size() ? in_[which] : params_[which - in_.size()];
    const auto before = moved.data;
    for (size_t i = 0; i < direction.size(); ++i) {
      moved.data[i] += Complex(0, kStep * direction[i]);
    }
    const auto y =
        DefOf(sample_.op)
            .reference_complex(sample_.op, {in_, params_, numbers_.out_shape, true, kDropoutSeed});
    moved.data = before;
    double sum = 0;
    for (size_t i = 0; i < y.data.size(); ++i) sum += numbers_.dout[i] * y.data[i].imag();
    return sum / kStep;
  }

 private:
  using Complex = std::complex<double>;
  const Sample& sample_;
  const Numbers& numbers_;
  std::vector<RefTensor<Complex>> in_, params_;
};

}  // namespace linnet

#endif  // LINNET_TESTS_OPS_OP_RUNNER_H_
