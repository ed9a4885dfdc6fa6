// The three matrix products against three loops, on every target, for 1, 2 and 3 threads.
#include "kernels/matmul.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/activation.h"
#include "kernels/guarded_buffer.h"
#include "kernels/targets.h"

namespace linnet::kernels {
namespace {

struct Mnk {
  int64_t m, n, k;
};

// Tails of every kind: rows, columns within a vector, several panels, several stretches of k.
const Mnk kShapes[] = {{1, 1, 1},      {1, 10, 7},    {2, 17, 3},     {5, 16, 27},   {6, 64, 16},
                       {7, 65, 33},    {13, 31, 64},  {23, 48, 9},    {24, 33, 128}, {49, 100, 40},
                       {100, 130, 70}, {150, 7, 260}, {31, 70, 1100}, {9, 20, 2500}, {3, 200, 0}};

class MatMulTest : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { ForceTarget(GetParam()); }
  void TearDown() override { ForceTarget(0); }
};
INSTANTIATE_TEST_SUITE_P(Targets, MatMulTest, testing::ValuesIn(Targets()),
                         [](const auto& info) { return TargetName(info.param); });

// Rows 'stride' apart; only the floats of the rows themselves may be touched.
size_t RowsSize(int64_t rows, int64_t cols, int64_t stride) {
  return rows == 0 ? 0 : static_cast<size_t>((rows - 1) * stride + cols);
}

TEST_P(MatMulTest, ForwardWithEpilogue) {
  for (const Mnk& s : kShapes) {
    for (const Activation act : {Activation::kIdentity, Activation::kRelu, Activation::kRelu6,
                                 Activation::kHardSwish, Activation::kTanh}) {
      const bool with_bias = s.m % 2 == 1, with_residual = act != Activation::kRelu;
      SCOPED_TRACE(testing::Message() << s.m << "x" << s.n << "x" << s.k << " "
                                      << kActivationNames[static_cast<int>(act)]);
      const int64_t as = s.k + 3, cs = s.n + 5, rs = s.n + 2;
      GuardedBuffer a(RowsSize(s.m, s.k, as)), w(static_cast<size_t>(s.n * s.k)),
          bias(static_cast<size_t>(s.n)), residual(RowsSize(s.m, s.n, rs));
      a.Randomize(1), w.Randomize(2), bias.Randomize(3), residual.Randomize(4, -4, 8);
      const MatMul matmul(s.k, s.n);
      GuardedBuffer packed = GuardedBuffer::Aligned(matmul.packed_bytes());
      packed.Randomize(9);  // whatever it held must not matter
      Epilogue epilogue;
      epilogue.act = act;
      if (with_bias) epilogue.bias = bias.data();
      if (with_residual) epilogue.residual = residual.data();
      epilogue.residual_stride = rs;

      GuardedBuffer first(RowsSize(s.m, s.n, cs));
      for (int threads = 1; threads <= 3; ++threads) {
        ThreadPool pool(threads);
        matmul.PackTransposed(w.data(), packed.data(), &pool);
        GuardedBuffer c(RowsSize(s.m, s.n, cs));
        c.Randomize(5);
        std::vector<float> before(c.span().begin(), c.span().end());
        matmul.Run(s.m, a.data(), as, packed.data(), c.data(), cs, epilogue, &pool);
        ASSERT_TRUE(c.GuardsIntact() && packed.GuardsIntact());
        if (threads == 1) std::copy(c.span().begin(), c.span().end(), first.data());
        ASSERT_TRUE(std::equal(c.span().begin(), c.span().end(), first.data())) << threads;
        for (size_t i = 0; i < c.size(); ++i) {
          const auto row = static_cast<int64_t>(i) / cs, col = static_cast<int64_t>(i) % cs;
          if (col >= s.n) {
            ASSERT_EQ(c[i], before[i]) << "between rows";
            continue;
          }
          double sum = 0, magnitude = 1;
          for (int64_t k = 0; k < s.k; ++k) {
            const double term = double{a[row * as + k]} * w[col * s.k + k];
            sum += term, magnitude += std::abs(term);
          }
          if (with_bias) sum += bias[col];
          if (with_residual) sum += residual[row * rs + col];
          ASSERT_NEAR(c[i], Activate<double>(act, 0.01, sum), 1e-6 * magnitude + 2e-6)
              << row << "," << col;
        }
      }
    }
  }
}

TEST_P(MatMulTest, NotANumberComesThroughClamps) {
  constexpr int64_t kM = 5, kN = 21, kK = 4;
  GuardedBuffer a(kM * kK), w(kN * kK), c(kM * kN);
  a.Randomize(1), w.Randomize(2);
  a[2 * kK + 1] = std::nanf("");
  const MatMul matmul(kK, kN);
  GuardedBuffer packed = GuardedBuffer::Aligned(matmul.packed_bytes());
  matmul.PackTransposed(w.data(), packed.data(), nullptr);
  for (const Activation act : {Activation::kRelu, Activation::kRelu6}) {
    Epilogue epilogue;
    epilogue.act = act;
    matmul.Run(kM, a.data(), kK, packed.data(), c.data(), kN, epilogue, nullptr);
    for (int64_t i = 0; i < kM * kN; ++i) {
      EXPECT_EQ(std::isnan(c[static_cast<size_t>(i)]), i / kN == 2) << i;
    }
  }
}

TEST_P(MatMulTest, NoRowsAreNoWork) {
  const MatMul matmul(4, 21);
  GuardedBuffer w(21 * 4), packed = GuardedBuffer::Aligned(matmul.packed_bytes());
  matmul.PackTransposed(w.data(), packed.data(), nullptr);
  matmul.Run(0, nullptr, 4, packed.data(), nullptr, 21, Epilogue(), nullptr);
}

TEST_P(MatMulTest, GradientOfInput) {
  for (const Mnk& s : kShapes) {  // dA[m, n] = dC[m, k] W[k, n]
    for (const bool accumulate : {false, true}) {
      SCOPED_TRACE(testing::Message() << s.m << "x" << s.n << "x" << s.k << " " << accumulate);
      GuardedBuffer dc(static_cast<size_t>(s.m * s.k)), w(static_cast<size_t>(s.k * s.n));
      dc.Randomize(1), w.Randomize(2);
      const MatMul matmul(s.k, s.n);
      GuardedBuffer packed = GuardedBuffer::Aligned(matmul.packed_bytes());
      packed.Randomize(9);
      matmul.Pack(w.data(), packed.data(), nullptr);
      GuardedBuffer first(static_cast<size_t>(s.m * s.n));
      for (int threads = 1; threads <= 3; ++threads) {
        ThreadPool pool(threads);
        GuardedBuffer da(static_cast<size_t>(s.m * s.n));
        da.Randomize(3);
        std::vector<float> before(da.span().begin(), da.span().end());
        matmul.Run(s.m, dc.data(), s.k, packed.data(), da.data(), s.n, accumulate, &pool);
        ASSERT_TRUE(da.GuardsIntact());
        if (threads == 1) std::copy(da.span().begin(), da.span().end(), first.data());
        ASSERT_TRUE(std::equal(da.span().begin(), da.span().end(), first.data())) << threads;
        for (int64_t i = 0; i < s.m * s.n; ++i) {
          double sum = accumulate ? before[i] : 0, magnitude = 1;
          for (int64_t k = 0; k < s.k; ++k) {
            const double term = double{dc[i / s.n * s.k + k]} * w[k * s.n + i % s.n];
            sum += term, magnitude += std::abs(term);
          }
          ASSERT_NEAR(da[i], sum, 1e-6 * magnitude) << i;
        }
      }
    }
  }
}

void CheckWeightGrad(const Mnk& s, int64_t dc_stride, int64_t a_stride) {
  SCOPED_TRACE(testing::Message() << s.m << "x" << s.n << "x" << s.k);
  GuardedBuffer dc(RowsSize(s.m, s.n, dc_stride)), a(RowsSize(s.m, s.k, a_stride));
  dc.Randomize(1), a.Randomize(2);
  const MatMulWeightGrad grad(s.m, s.n, s.k);
  const auto size = static_cast<size_t>(s.n * s.k);
  std::vector<double> expected(size), magnitude(size, 1);
  for (int64_t m = 0; m < s.m; ++m) {
    for (size_t i = 0; i < size; ++i) {
      const auto n = static_cast<int64_t>(i) / s.k, k = static_cast<int64_t>(i) % s.k;
      const double term = double{dc[m * dc_stride + n]} * a[m * a_stride + k];
      expected[i] += term, magnitude[i] += std::abs(term);
    }
  }
  GuardedBuffer first(size);
  for (int threads = 1; threads <= 3; ++threads) {
    ThreadPool pool(threads);
    GuardedBuffer dw(size), scratch = GuardedBuffer::Aligned(grad.ScratchBytes(threads));
    dw.Randomize(3), scratch.Randomize(7);
    std::vector<float> before(dw.span().begin(), dw.span().end());
    grad.Run(dc.data(), dc_stride, a.data(), a_stride, dw.data(), scratch.data(), &pool);
    ASSERT_TRUE(dw.GuardsIntact() && scratch.GuardsIntact());
    if (threads == 1) std::copy(dw.span().begin(), dw.span().end(), first.data());
    ASSERT_TRUE(std::equal(dw.span().begin(), dw.span().end(), first.data())) << threads;
    for (size_t i = 0; i < size; ++i) {
      ASSERT_NEAR(dw[i], before[i] + expected[i], 1e-6 * magnitude[i]) << i;
    }
  }
}

TEST_P(MatMulTest, GradientOfWeights) {
  for (const Mnk& s : kShapes) CheckWeightGrad(s, s.n, s.k);
  CheckWeightGrad({3000, 16, 32}, 16, 32);    // chunks of m, rows used in place
  CheckWeightGrad({2500, 33, 27}, 40, 31);    // chunks, rows apart
  CheckWeightGrad({70, 210, 300}, 210, 300);  // several tiles
}

TEST_P(MatMulTest, ColumnSums) {
  for (const Mnk& s : {Mnk{1, 1, 1}, Mnk{7, 17, 19}, Mnk{5000, 40, 40}, Mnk{3, 100, 100}}) {
    GuardedBuffer a(RowsSize(s.m, s.n, s.k)), first(static_cast<size_t>(s.n));
    a.Randomize(1);
    const ColumnSums sums(s.m, s.n);
    for (int threads = 1; threads <= 3; ++threads) {
      ThreadPool pool(threads);
      GuardedBuffer out(static_cast<size_t>(s.n)),
          scratch = GuardedBuffer::Aligned(sums.ScratchBytes());
      std::fill_n(out.data(), s.n, 2.0f);
      scratch.Randomize(4);
      sums.Run(a.data(), s.k, out.data(), scratch.data(), &pool);
      ASSERT_TRUE(out.GuardsIntact() && scratch.GuardsIntact());
      if (threads == 1) std::copy_n(out.data(), s.n, first.data());
      ASSERT_TRUE(std::equal(out.span().begin(), out.span().end(), first.data()));
      for (int64_t j = 0; j < s.n; ++j) {
        double sum = 2;
        for (int64_t i = 0; i < s.m; ++i) sum += a[i * s.k + j];
        ASSERT_NEAR(out[j], sum, 1e-6 * s.m);
      }
    }
  }
}

// Batch invariance: a row's result does not depend on how many rows there are.
TEST_P(MatMulTest, ARowDoesNotDependOnTheOthers) {
  const int64_t k = 75, n = 90;
  GuardedBuffer a(static_cast<size_t>(40 * k)), w(static_cast<size_t>(n * k));
  a.Randomize(1), w.Randomize(2);
  const MatMul matmul(k, n);
  GuardedBuffer packed = GuardedBuffer::Aligned(matmul.packed_bytes());
  matmul.PackTransposed(w.data(), packed.data(), nullptr);
  GuardedBuffer all(static_cast<size_t>(40 * n)), one(static_cast<size_t>(n));
  matmul.Run(40, a.data(), k, packed.data(), all.data(), n, Epilogue{}, nullptr);
  for (int64_t i = 0; i < 40; ++i) {
    matmul.Run(1, a.data() + i * k, k, packed.data(), one.data(), n, Epilogue{}, nullptr);
    ASSERT_TRUE(std::equal(one.span().begin(), one.span().end(), all.data() + i * n)) << i;
  }
}

}  // namespace
}  // namespace linnet::kernels
