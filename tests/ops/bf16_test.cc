// The generic test of operations on bfloat16: every sample of every op that takes them, on every
// instruction set of this machine, with values of bfloat16 and, where the op takes them so, with
// float32 on one side. What is right is said by the op's reference, on the numbers as they are.
#include <gtest/gtest.h>

#include "base/bfloat16.h"
#include "kernels/targets.h"
#include "ops/op_runner.h"
#include "ops/types.h"

namespace linnet {
namespace {

float Rounded(float x) { return FromBfloat16(ToBfloat16(x)); }

// A value in memory, exactly as long as it is.
Tensor ExactValue(const Floats& values, const Shape& shape, DType dtype) {
  if (dtype == DType::kF32) return Exact(values, shape);
  void* memory = nullptr;
  EXPECT_EQ(posix_memalign(&memory, Tensor::kAlignment, values.size() * sizeof(bfloat16_t)), 0);
  for (size_t i = 0; i < values.size(); ++i) {
    static_cast<bfloat16_t*>(memory)[i] = ToBfloat16(values[i]);
  }
  return Tensor::Shared(memory, shape, dtype, {memory, std::free});
}

struct Bf16Case {
  Sample sample;
  const Numbers& numbers;
  Shape out_shape;
  std::vector<ValueType> in_types;
  ValueType out_type;
  std::vector<Tensor> in, params;
  std::vector<double> expected;
};

// Factors of products are rounded: weights always, values of float32 by layers.
Bf16Case MakeCase(const Sample& sample, const Numbers& numbers, std::vector<ValueType> in_types,
                  ValueType out_type) {
  const OpDef& def = DefOf(sample.op);
  Bf16Case c{sample, numbers, numbers.out_shape, std::move(in_types), out_type, {}, {}, {}};
  std::vector<RefTensor<double>> in, params;
  for (size_t i = 0; i < numbers.in.size(); ++i) {
    c.in.push_back(ExactValue(numbers.in[i], sample.in[i], c.in_types[i].dtype));
    RefTensor<double>& real = in.emplace_back(sample.in[i]);
    for (size_t k = 0; k < real.data.size(); ++k) real.data[k] = Rounded(numbers.in[i][k]);
  }
  const bool depthwise = def.counts_macs && numbers.specs[0].shape.rank() == 4 &&
                         numbers.specs[0].shape[3] == 1 && sample.in[0].c() > 1;
  for (size_t i = 0; i < numbers.params.size(); ++i) {
    c.params.push_back(Exact(numbers.params[i], numbers.specs[i].shape));
    RefTensor<double>& real = params.emplace_back(numbers.specs[i].shape);
    const bool factor = def.counts_macs && numbers.specs[i].name == "weight" && !depthwise;
    for (size_t k = 0; k < real.data.size(); ++k) {
      real.data[k] = factor ? Rounded(numbers.params[i][k]) : numbers.params[i][k];
    }
  }
  c.expected = def.reference(sample.op, {in, params, numbers.out_shape, false, 0}).data;
  return c;
}

bool Takes(const Sample& sample, const Shape& out, const std::vector<ValueType>& in_types,
           const ValueType& out_type) {
  return DefOf(sample.op)
      .refuses_types(sample.op, {sample.in, out, false, 1, in_types, out_type})
      .empty();
}

// apart: pixels lie further apart than their channels, where the op takes that, with NaN between.
std::vector<double> RunOnce(const Bf16Case& c, ThreadPool* pool, bool apart = false) {
  const PrepareArgs args = {c.sample.in, c.out_shape, false, Threads(pool), c.in_types, c.out_type};
  const Prepared prepared = DefOf(c.sample.op).prepare(c.sample.op, args);
  std::vector<Tensor> in = c.in;
  std::vector<int64_t> in_stride;
  for (size_t i = 0; i < in.size(); ++i) {
    const int64_t channels = Channels(c.sample.in[i]);
    in_stride.push_back(channels + (apart && prepared.strided_in ? 5 : 0));
    if (in_stride[i] == channels) continue;
    in[i] = ExactValue(Spread(c.numbers.in[i], channels, in_stride[i]), c.sample.in[i],
                       c.in_types[i].dtype);
  }
  const int64_t channels = Channels(c.out_shape);
  const int64_t out_stride = channels + (apart && prepared.strided_out ? 19 : 0);
  const size_t bytes = DTypeBytes(c.out_type.dtype);
  const auto count = static_cast<size_t>(Rows(c.out_shape) * out_stride);
  const Guarded out(count * bytes), scratch(prepared.scratch_bytes);
  // By another one, whose bytes this one is given.
  const Prepared packed = DefOf(c.sample.op).prepare(c.sample.op, args);
  if (packed.pack) packed.pack(c.params, pool);
  GivePacked(packed, prepared);
  allocations = 0;
  counting_allocations = true;
  prepared.forward({in,
                    Tensor::View(out.data(), c.out_shape, c.out_type.dtype),
                    {},
                    {},
                    reinterpret_cast<std::byte*>(scratch.data()),
                    pool,
                    0,
                    in_stride,
                    out_stride});
  counting_allocations = false;
  EXPECT_EQ(allocations, 0) << "memory was allocated on the way";
  EXPECT_TRUE(out.Intact()) << "wrote past the result";
  EXPECT_TRUE(scratch.Intact()) << "wrote past the scratch memory";
  std::vector<double> values;
  for (size_t i = 0; i < count; ++i) {
    const double value = c.out_type.is_bf16()
                             ? FromBfloat16(reinterpret_cast<const bfloat16_t*>(out.data())[i])
                             : reinterpret_cast<const float*>(out.data())[i];
    if (static_cast<int64_t>(i) % out_stride < channels) {
      values.push_back(value);
    } else {
      EXPECT_TRUE(std::isnan(value)) << "wrote between the pixels";
    }
  }
  return values;
}

// A result is rounded once, to 2^-9 of itself.
void ExpectNearReference(const Bf16Case& c, const std::vector<double>& out) {
  const double rounding = c.out_type.is_bf16() ? 0x1p-8 : 0;
  for (size_t i = 0; i < out.size(); ++i) {
    const double want = c.expected[i];
    ASSERT_TRUE(std::abs(out[i] - want) <= rounding * std::abs(want) + 2e-4)
        << "element " << i << " is " << out[i] << ", expected " << want;
  }
}

void Check(const Bf16Case& c) {
  static ThreadPool two(2);
  for (const int64_t target : kernels::Targets()) {
    kernels::ForceTarget(target);
    const kernels::Extras most = kernels::CurrentExtras();
    for (const auto extras :
         {kernels::Extras::kNone, kernels::Extras::kBf16, kernels::Extras::kAmx}) {
      if (extras > most) continue;
      kernels::LimitExtras(extras);
      if (!Takes(c.sample, c.out_shape, c.in_types, c.out_type)) continue;
      SCOPED_TRACE(testing::Message()
                   << OpName(c.sample.op) << " on " << c.sample.in[0].ToString() << ", "
                   << kernels::TargetName(target) << ", extras " << static_cast<int>(extras));
      const std::vector<double> one = RunOnce(c, nullptr);
      ExpectNearReference(c, one);
      ASSERT_EQ(one, RunOnce(c, &two)) << "two threads give other bits";
      ASSERT_EQ(one, RunOnce(c, nullptr, true)) << "pixels that lie apart give other bits";
      ASSERT_EQ(one, RunOnce(c, &two, true)) << "pixels that lie apart give other bits";
    }
  }
  kernels::ForceTarget(0);
}

TEST(Bf16Ops, EverySampleOfEveryOpThatTakesThem) {
  int cases = 0;
  for (const OpDef* def : AllOps()) {
    if (def->unsupported != nullptr) continue;
    uint64_t seed = 1;
    for (const Sample& sample : def->samples()) {
      const Numbers numbers = MakeNumbers(sample, seed++);
      const ValueType bf16 = ValueType::BF16(), f32;
      std::vector<ValueType> all(sample.in.size(), bf16), first = all;
      if (!first.empty()) first[0] = f32;
      const std::pair<std::vector<ValueType>, ValueType> choices[] = {
          {all, bf16}, {all, f32}, {first, bf16}};
      for (const auto& [in_types, out_type] : choices) {
        if (!Takes(sample, numbers.out_shape, in_types, out_type)) continue;
        ++cases;
        Check(MakeCase(sample, numbers, in_types, out_type));
        if (HasFatalFailure()) return;
      }
    }
  }
  EXPECT_GT(cases, 200);
}

// Products of float32 values in split bfloat16.
TEST(Bf16Ops, SplitProducts) {
  for (const OpDef* def : {&DefOf<Conv2d>(), &DefOf<Dense>()}) {
    uint64_t seed = 1;
    for (const Sample& sample : def->samples()) {
      const Numbers numbers = MakeNumbers(sample, seed++);
      std::vector<Tensor> in, params;
      for (size_t i = 0; i < sample.in.size(); ++i) {
        in.push_back(Exact(numbers.in[i], sample.in[i]));
      }
      for (size_t i = 0; i < numbers.params.size(); ++i) {
        params.push_back(Exact(numbers.params[i], numbers.specs[i].shape));
      }
      PrepareArgs args = {sample.in, numbers.out_shape};
      args.split_products = true;
      // Where the rule would take float32, too.
      if (std::holds_alternative<Conv2d>(sample.op)) args.implementation = "bf16x3";
      const Prepared prepared = def->prepare(sample.op, args);
      const Guarded out(numbers.out_shape, 0.0f), scratch(prepared.scratch_bytes);
      prepared.pack(params, nullptr);
      prepared.forward(
          {in, out.tensor(), {}, {}, reinterpret_cast<std::byte*>(scratch.data()), nullptr});
      const auto expected =
          def->reference(sample.op, {ToReference<double>(numbers.in, sample.in),
                                     ToReference<double>(numbers.params, SpecShapes(numbers)),
                                     numbers.out_shape, false, 0})
              .data;
      const Floats actual = out.values();
      for (size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(actual[i], expected[i], 2e-4 * (1 + std::abs(expected[i])))
            << OpName(sample.op) << ", " << prepared.kernel << ", element " << i;
      }
    }
  }
}

}  // namespace
}  // namespace linnet
