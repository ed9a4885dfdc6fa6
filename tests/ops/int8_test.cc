// The generic test of operations on bytes: every sample of every op that takes them, on every
// instruction set of this machine. What is right is said by the op's reference, on the numbers that
// the bytes stand for.
#include <gtest/gtest.h>

#include <optional>

#include "kernels/int8_every_level.h"
#include "ops/op_runner.h"
#include "ops/types.h"

namespace linnet {
namespace {

using Bytes = std::vector<uint8_t>;

// Levels from the least to the most of the numbers, and zero.
Quantization Covering(double low, double high) {
  low = std::min(low, 0.0);
  high = std::max(high, low + 1e-3);
  const double scale = (std::max(high, 0.0) - low) / 255;
  return {static_cast<float>(scale), static_cast<int>(std::nearbyint(-low / scale))};
}

template <class T>
Quantization Covering(const std::vector<T>& numbers) {
  const auto [low, high] = std::minmax_element(numbers.begin(), numbers.end());
  return Covering(*low, *high);
}

uint8_t ToByte(double x, const Quantization& q) {
  return static_cast<uint8_t>(std::clamp(std::nearbyint(x / q.scale) + q.zero_point, 0.0, 255.0));
}
double FromByte(uint8_t byte, const Quantization& q) {
  return double{q.scale} * (byte - q.zero_point);
}

// A value in memory, exactly as long as it is.
Tensor ExactBytes(const Bytes& bytes, const Shape& shape) {
  void* memory = nullptr;
  EXPECT_EQ(posix_memalign(&memory, Tensor::kAlignment, bytes.size()), 0);
  std::memcpy(memory, bytes.data(), bytes.size());
  return Tensor::Shared(memory, shape, DType::kU8, {memory, std::free});
}

// A sample with its numbers as bytes, and what the reference makes of them.
struct Int8Case {
  Sample sample;
  Shape out_shape;
  std::vector<ValueType> in_types;
  std::vector<Tensor> in, params;
  std::vector<double> expected;
  ValueType out_type;
};

// The weights as bytes, symmetric by output channel, and 'real' as what they then stand for.
void QuantizeWeight(RefTensor<double>& real, std::vector<Tensor>& params) {
  const int64_t out = real.shape[0], each = real.shape.elements() / out;
  Tensor weight(real.shape, DType::kI8), scale({out});
  for (int64_t o = 0; o < out; ++o) {
    double largest = 1e-3;
    for (int64_t k = 0; k < each; ++k) {
      largest = std::max(largest, std::abs(real.data[static_cast<size_t>(o * each + k)]));
    }
    scale.data()[o] = static_cast<float>(largest / 127);
    for (int64_t k = 0; k < each; ++k) {
      double& w = real.data[static_cast<size_t>(o * each + k)];
      const double level = std::clamp(std::nearbyint(w / scale.data()[o]), -127.0, 127.0);
      weight.data<int8_t>()[o * each + k] = static_cast<int8_t>(level);
      w = level * scale.data()[o];
    }
  }
  params.push_back(weight);
  params.push_back(scale);
}

Int8Case MakeCase(const Sample& sample, const Numbers& numbers) {
  Int8Case result{sample, numbers.out_shape};
  std::vector<RefTensor<double>> in;
  for (size_t i = 0; i < numbers.in.size(); ++i) {
    const Quantization q = Covering(numbers.in[i]);
    result.in_types.push_back(ValueType::U8(q));
    RefTensor<double>& real = in.emplace_back(sample.in[i]);
    Bytes bytes;
    for (size_t k = 0; k < real.data.size(); ++k) {
      bytes.push_back(ToByte(numbers.in[i][k], q));
      real.data[k] = FromByte(bytes[k], q);
    }
    result.in.push_back(ExactBytes(bytes, sample.in[i]));
  }
  auto params = ToReference<double>(numbers.params, SpecShapes(numbers));
  for (size_t i = 0; i < params.size(); ++i) {
    if (numbers.specs[i].name == "weight") {
      QuantizeWeight(params[i], result.params);
    } else {
      result.params.push_back(Exact(numbers.params[i], params[i].shape));
    }
  }
  result.expected =
      DefOf(sample.op).reference(sample.op, {in, params, numbers.out_shape, false, 0}).data;
  return result;
}

std::string Refuses(const Int8Case& c, const ValueType& out_type) {
  return DefOf(c.sample.op)
      .refuses_types(c.sample.op, {c.sample.in, c.out_shape, false, 1, c.in_types, out_type});
}

struct Int8Outcome {
  Prepared prepared;
  Bytes out;  // of the result's type
};

Int8Outcome RunBytes(const Int8Case& c, ThreadPool* pool, bool in_place = false,
                     bool packed_elsewhere = false) {
  const PrepareArgs args = {c.sample.in, c.out_shape, false, Threads(pool), c.in_types, c.out_type};
  Int8Outcome outcome{DefOf(c.sample.op).prepare(c.sample.op, args), {}};
  const DType dtype = c.out_type.dtype;
  const size_t bytes = static_cast<size_t>(c.out_shape.elements()) * DTypeBytes(dtype);
  const Guarded out(bytes), scratch(outcome.prepared.scratch_bytes);
  std::vector<Tensor> in = c.in;
  if (in_place) {
    std::memcpy(out.data(), in[0].data<uint8_t>(), bytes);
    in[0] = Tensor::View(out.data(), in[0].shape(), DType::kU8);
  }
  if (packed_elsewhere) {
    const Prepared packed = DefOf(c.sample.op).prepare(c.sample.op, args);
    if (packed.pack) packed.pack(c.params, pool);
    GivePacked(packed, outcome.prepared);
    outcome.prepared.pack = nullptr;
  }
  if (outcome.prepared.pack) outcome.prepared.pack(c.params, pool);
  allocations = 0;
  counting_allocations = true;
  if (outcome.prepared.pack) outcome.prepared.pack(c.params, pool);  // again: nothing is left over
  outcome.prepared.forward({in,
                            Tensor::View(out.data(), c.out_shape, dtype),
                            {},
                            {},
                            reinterpret_cast<std::byte*>(scratch.data()),
                            pool});
  counting_allocations = false;
  EXPECT_EQ(allocations, 0) << "memory was allocated on the way";
  EXPECT_TRUE(out.Intact()) << "wrote past the result";
  EXPECT_TRUE(scratch.Intact()) << "wrote past the scratch memory";
  outcome.out.assign(out.data(), out.data() + bytes);
  return outcome;
}

// Within one step of the result's scale, where the numbers are within the range of its levels.
void ExpectWithinOneStep(const Int8Case& c, const Bytes& out) {
  if (!c.out_type.is_u8()) {
    const float* actual = reinterpret_cast<const float*>(out.data());
    for (size_t i = 0; i < c.expected.size(); ++i) {
      // The bias is rounded to a step of the sums, far below one of any byte.
      ASSERT_NEAR(actual[i], c.expected[i], 1e-3 * (1 + std::abs(c.expected[i]))) << i;
    }
    return;
  }
  const Quantization q = c.out_type.quantization;
  for (size_t i = 0; i < c.expected.size(); ++i) {
    const double steps = std::clamp(c.expected[i] / q.scale + q.zero_point, 0.0, 255.0) -
                         static_cast<double>(out[i]);
    ASSERT_LE(std::abs(steps), 1.0) << "element " << i << ": expected " << c.expected[i];
  }
}

class EveryOpOnBytes : public testing::TestWithParam<size_t> {
 protected:
  // On every level, and with one and two threads: the same bytes.
  void Check(const Int8Case& c) {
    std::optional<Bytes> first;
    kernels::ForEveryLevel([&] {
      const Int8Outcome one = RunBytes(c, nullptr);
      EXPECT_FALSE(one.prepared.kernel.empty());
      ExpectWithinOneStep(c, one.out);
      if (!first) first = one.out;
      EXPECT_EQ(one.out, *first) << "another instruction set gives other bytes";
      EXPECT_EQ(RunBytes(c, &two_).out, *first) << "two threads give other bytes";
      if (one.prepared.in_place) {
        EXPECT_EQ(RunBytes(c, nullptr, true).out, *first) << "in place";
      }
      EXPECT_EQ(RunBytes(c, nullptr, false, true).out, *first) << "packed before";
    });
  }
  ThreadPool two_{2};
};

TEST_P(EveryOpOnBytes, IsTheReferenceWithinOneStep) {
  const OpDef& def = *AllOps()[GetParam()];
  if (def.unsupported != nullptr) GTEST_SKIP() << def.unsupported;
  const std::vector<Sample> samples = def.samples();
  int taken = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    const Numbers numbers = MakeNumbers(samples[i], 2000 * GetParam() + i);
    if (samples[i].in.empty()) continue;
    Int8Case c = MakeCase(samples[i], numbers);
    SCOPED_TRACE("sample " + std::to_string(i) + ": " + OpName(samples[i].op) + " on " +
                 samples[i].in[0].ToString());
    // As calibrated; as its input, for operations that move bytes; float32.
    const ValueType candidates[] = {ValueType::U8(Covering(c.expected)), c.in_types[0], {}};
    for (const ValueType& type : candidates) {
      c.out_type = type;
      if (!Refuses(c, type).empty()) {
        EXPECT_THROW(RunBytes(c, nullptr), Error);
        continue;
      }
      ++taken;
      Check(c);
      if (HasFatalFailure()) return;
    }
  }
  const Op& op = samples[0].op;
  const bool must = std::holds_alternative<Conv2d>(op) || std::holds_alternative<Dense>(op) ||
                    std::holds_alternative<Add>(op) || std::holds_alternative<Mul>(op) ||
                    std::holds_alternative<Concat>(op) || std::holds_alternative<Pool>(op) ||
                    std::holds_alternative<GlobalPool>(op) || std::holds_alternative<Act>(op) ||
                    std::holds_alternative<Flatten>(op) || std::holds_alternative<Slice>(op) ||
                    std::holds_alternative<ChannelShuffle>(op);
  EXPECT_EQ(taken > 0, must);
}

INSTANTIATE_TEST_SUITE_P(Ops, EveryOpOnBytes, testing::Range<size_t>(0, std::variant_size_v<Op>),
                         [](const auto& info) { return std::string(kOpNames[info.param]); });

// float32 -> bytes -> float32.
TEST(OpOnBytes, Conversions) {
  const Shape shape = {1, 7, 5, 13};
  const Quantization q = {0.05f, 100};
  Floats numbers;
  Rng rng(3);
  for (int64_t i = 0; i < shape.elements(); ++i) numbers.push_back(rng.Uniform(-6, 9));
  Bytes expected;
  for (const float x : numbers) expected.push_back(ToByte(x * (1 / q.scale), {1, q.zero_point}));
  kernels::ForEveryLevel([&] {
    Int8Case c{{Act{Activation::kIdentity}, {shape}},
               shape,
               {ValueType{}},
               {Exact(numbers, shape)},
               {},
               {},
               {}};
    c.out_type = ValueType::U8(q);
    EXPECT_EQ(RunBytes(c, nullptr).out, expected);
    c.in = {ExactBytes(expected, shape)};
    c.in_types = {ValueType::U8(q)};
    c.out_type = {};
    const Bytes floats = RunBytes(c, nullptr).out;
    for (size_t i = 0; i < expected.size(); ++i) {
      float x;
      std::memcpy(&x, floats.data() + 4 * i, 4);
      EXPECT_FLOAT_EQ(x, static_cast<float>(FromByte(expected[i], q)));
    }
  });
}

}  // namespace
}  // namespace linnet
