// Batch normalisation against its definition in double; gradients against the complex step of that
// definition. Every target, 1, 2 and 3 threads.
#include "kernels/batch_norm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <complex>
#include <vector>

#include "kernels/every_target.h"
#include "kernels/guarded_buffer.h"

namespace linnet::kernels {
namespace {

using Complex = std::complex<double>;

constexpr float kEps = 1e-3f;

// The definition, for one channel: 'x' are its values.
template <class T>
std::vector<T> Reference(const std::vector<T>& x, T gamma, T beta, Activation act, double alpha) {
  using std::sqrt;
  T mean(0.0), var(0.0);
  const T rows(static_cast<double>(x.size()));
  for (const T& v : x) mean += v / rows;
  for (const T& v : x) var += (v - mean) * (v - mean) / rows;
  std::vector<T> y;
  for (const T& v : x) {
    y.push_back(Activate(act, alpha, gamma * (v - mean) / sqrt(var + T(double{kEps})) + beta));
  }
  return y;
}

struct Case {
  Case(int64_t rows, int64_t channels, Activation activation, bool with_affine = true)
      : s{rows, channels},
        act(activation),
        affine(with_affine),
        x(size()),
        dy(size()),
        before(size()),
        gamma(static_cast<size_t>(channels)),
        beta(static_cast<size_t>(channels)) {
    x.Randomize(1, -2, 3);
    dy.Randomize(2);
    before.Randomize(3);
    if (affine) {
      gamma.Randomize(4, 0.5, 2);
      beta.Randomize(5, 0.2f, 1.7f);
    } else {
      std::fill(gamma.data(), gamma.data() + channels, 1.0f);
    }
  }
  size_t size() const { return static_cast<size_t>(s.rows * s.channels); }
  std::vector<double> Column(const GuardedBuffer& b, int64_t c) const {
    std::vector<double> column;
    for (int64_t r = 0; r < s.rows; ++r)
      column.push_back(b[static_cast<size_t>(r * s.channels + c)]);
    return column;
  }
  std::string Name() const {
    return std::to_string(s.rows) + "x" + std::to_string(s.channels) + " " +
           kActivationNames[static_cast<int>(act)];
  }

  BatchNormShape s;
  Activation act;
  bool affine;
  GuardedBuffer x, dy, before, gamma, beta;
};

// Forward for one number of threads: y, mean, inv_std, running mean and variance, one after the
// other.
std::vector<float> Forward(const Case& c, ThreadPool* pool) {
  const size_t channels = static_cast<size_t>(c.s.channels);
  GuardedBuffer y(c.size()), mean(channels), inv_std(channels), run_mean(channels),
      run_var(channels);
  GuardedBuffer scratch = GuardedBuffer::Aligned(BatchNormScratchBytes(c.s));
  scratch.Randomize(9);
  std::fill(run_var.data(), run_var.data() + channels, 1.0f);
  BatchNormForwardArgs a;
  a.x = c.x.data();
  a.gamma = c.affine ? c.gamma.data() : nullptr;
  a.beta = c.affine ? c.beta.data() : nullptr;
  a.eps = kEps;
  a.act = c.act;
  a.alpha = 0.1f;
  a.y = y.data();
  a.mean = mean.data();
  a.inv_std = inv_std.data();
  a.running_mean = run_mean.data();
  a.running_var = run_var.data();
  a.momentum = 0.25f;
  BatchNormForward(c.s, a, scratch.data(), pool);
  std::vector<float> all;
  for (const GuardedBuffer* b : {&y, &mean, &inv_std, &run_mean, &run_var}) {
    EXPECT_TRUE(b->GuardsIntact());
    all.insert(all.end(), b->span().begin(), b->span().end());
  }
  EXPECT_TRUE(scratch.GuardsIntact());
  return all;
}

std::vector<float> Backward(const Case& c, const float* mean, const float* inv_std, bool accumulate,
                            ThreadPool* pool) {
  const size_t channels = static_cast<size_t>(c.s.channels);
  GuardedBuffer dx(c.size()), dgamma(channels), dbeta(channels);
  GuardedBuffer scratch = GuardedBuffer::Aligned(BatchNormScratchBytes(c.s));
  scratch.Randomize(9);
  std::copy(c.before.span().begin(), c.before.span().end(), dx.data());
  std::fill(dgamma.data(), dgamma.data() + channels, 0.5f);
  std::fill(dbeta.data(), dbeta.data() + channels, -0.5f);
  BatchNormBackwardArgs a;
  a.x = c.x.data();
  a.dy = c.dy.data();
  a.gamma = c.affine ? c.gamma.data() : nullptr;
  a.beta = c.affine ? c.beta.data() : nullptr;
  a.mean = mean;
  a.inv_std = inv_std;
  a.act = c.act;
  a.alpha = 0.1f;
  a.dx = dx.data();
  a.accumulate = accumulate;
  a.dgamma = dgamma.data();
  a.dbeta = dbeta.data();
  BatchNormBackward(c.s, a, scratch.data(), pool);
  std::vector<float> all;
  for (const GuardedBuffer* b : {&dx, &dgamma, &dbeta}) {
    EXPECT_TRUE(b->GuardsIntact());
    all.insert(all.end(), b->span().begin(), b->span().end());
  }
  return all;
}

struct Statistics {
  double mean, var;
};
Statistics StatisticsOf(const std::vector<double>& x) {
  double mean = 0, var = 0;
  for (const double v : x) mean += v;
  mean /= static_cast<double>(x.size());
  for (const double v : x) var += (v - mean) * (v - mean);
  return {mean, var / static_cast<double>(x.size())};
}

void CheckForward(const Case& c) {
  const size_t channels = static_cast<size_t>(c.s.channels);
  std::vector<double> want(c.size() + 4 * channels);
  const double rows = static_cast<double>(c.s.rows);
  for (size_t ch = 0; ch < channels; ++ch) {
    const std::vector<double> x = c.Column(c.x, static_cast<int64_t>(ch));
    const std::vector<double> y = Reference<double>(x, c.gamma[ch], c.beta[ch], c.act, 0.1f);
    for (size_t r = 0; r < y.size(); ++r) want[r * channels + ch] = y[r];
    const Statistics st = StatisticsOf(x);
    double* stats = want.data() + c.size() + ch;
    stats[0] = st.mean;
    stats[channels] = 1 / std::sqrt(st.var + kEps);
    stats[2 * channels] = 0.25 * st.mean;
    stats[3 * channels] = 0.75 + 0.25 * st.var * (rows > 1 ? rows / (rows - 1) : 1);
  }
  const std::vector<float> got = SameForAnyThreads([&](ThreadPool* p) { return Forward(c, p); });
  ExpectNear(got, want, 2e-5, "y, mean, inv_std, running");
}

const std::vector<std::pair<int64_t, int64_t>> kSizes = {
    {1, 1},   {1, 7},    {2, 3},     {5, 16},  {7, 17},    {33, 1},    {50, 2},
    {29, 24}, {300, 64}, {1000, 12}, {64, 67}, {2500, 16}, {13, 1100}, {40, 200}};

TEST(BatchNorm, Forward) {
  for (const auto& [rows, channels] : kSizes) {
    for (const Activation act :
         {Activation::kIdentity, Activation::kRelu, Activation::kRelu6, Activation::kHardSwish}) {
      const Case c(rows, channels, act, rows != 50);
      SCOPED_TRACE(c.Name());
      ForEveryTarget([&] { CheckForward(c); });
    }
  }
}

// Mean and deviation of very different size: where a sum of squares would lose everything.
TEST(BatchNorm, StatisticsDoNotCancel) {
  const int64_t rows = 20011, channels = 5;
  Case c(rows, channels, Activation::kIdentity);
  const float offsets[] = {0, 1000, -30000, 1e6, 12345};
  for (size_t i = 0; i < c.size(); ++i) {
    c.x[i] = offsets[i % 5] + (i % 5 == 4 ? 0 : c.x[i]);
  }
  ForEveryTarget([&] {
    const std::vector<float> got = Forward(c, nullptr);
    for (size_t ch = 0; ch < 5; ++ch) {
      const Statistics st = StatisticsOf(c.Column(c.x, static_cast<int64_t>(ch)));
      const double inv_std = 1 / std::sqrt(st.var + kEps);
      EXPECT_NEAR(got[c.size() + ch], st.mean, 1e-7 * std::abs(st.mean) + 1e-5) << ch;
      EXPECT_NEAR(got[c.size() + 5 + ch] / inv_std, 1, 1e-4) << ch;
    }
  });
}

// d(sum dy y)/d(v) for one entry v of x, gamma or beta, by the complex step.
TEST(BatchNorm, BackwardIsTheComplexStep) {
  for (const auto& [rows, channels] : std::vector<std::pair<int64_t, int64_t>>{
           {1, 3}, {5, 16}, {9, 17}, {40, 3}, {70, 24}, {6, 300}}) {
    for (int kind = 0; kind < static_cast<int>(std::size(kActivationNames)); ++kind) {
      const Case c(rows, channels, static_cast<Activation>(kind));
      SCOPED_TRACE(c.Name());
      const size_t n = static_cast<size_t>(channels);
      std::vector<double> want(c.size() + 2 * n), added(c.size() + 2 * n);
      for (size_t ch = 0; ch < n; ++ch) {
        const std::vector<double> column = c.Column(c.x, static_cast<int64_t>(ch));
        const std::vector<double> dy = c.Column(c.dy, static_cast<int64_t>(ch));
        // Which of rows + 2 numbers is perturbed: x, then gamma, then beta.
        for (size_t at = 0; at < column.size() + 2; ++at) {
          constexpr double kStep = 1e-100;
          std::vector<Complex> x(column.begin(), column.end());
          Complex gamma = c.gamma[ch], beta = c.beta[ch];
          Complex& v = at < x.size() ? x[at] : at == x.size() ? gamma : beta;
          v += Complex(0, kStep);
          const std::vector<Complex> y = Reference<Complex>(x, gamma, beta, c.act, 0.1f);
          double gradient = 0;
          for (size_t r = 0; r < y.size(); ++r) gradient += dy[r] * y[r].imag() / kStep;
          if (at < x.size()) {
            want[at * n + ch] = gradient;
            added[at * n + ch] = gradient + c.before[at * n + ch];
          } else {
            const size_t i = c.size() + (at - x.size()) * n + ch;
            want[i] = added[i] = gradient + (at == x.size() ? 0.5 : -0.5);
          }
        }
      }
      ForEveryTarget([&] {
        const std::vector<float> forward = Forward(c, nullptr);
        const float* mean = forward.data() + c.size();
        for (const bool accumulate : {false, true}) {
          const std::vector<float> got = SameForAnyThreads(
              [&](ThreadPool* p) { return Backward(c, mean, mean + n, accumulate, p); });
          ExpectNear(got, accumulate ? added : want, 2e-4, "dx, dgamma, dbeta");
        }
      });
    }
  }
}

// Large enough for several items; the closed form in double.
TEST(BatchNorm, BackwardOfManyRows) {
  for (const auto& [rows, channels] :
       std::vector<std::pair<int64_t, int64_t>>{{12345, 16}, {3001, 72}, {700, 256}}) {
    const Case c(rows, channels, Activation::kRelu);
    SCOPED_TRACE(c.Name());
    const size_t n = static_cast<size_t>(channels);
    std::vector<double> want(c.size() + 2 * n);
    for (size_t ch = 0; ch < n; ++ch) {
      const std::vector<double> x = c.Column(c.x, static_cast<int64_t>(ch));
      std::vector<double> dz = c.Column(c.dy, static_cast<int64_t>(ch));
      const Statistics st = StatisticsOf(x);
      const double inv = 1 / std::sqrt(st.var + kEps);
      double sum = 0, product = 0;
      for (size_t r = 0; r < x.size(); ++r) {
        if ((x[r] - st.mean) * inv * c.gamma[ch] + c.beta[ch] <= 0) dz[r] = 0;
        sum += dz[r];
        product += dz[r] * (x[r] - st.mean) * inv;
      }
      for (size_t r = 0; r < x.size(); ++r) {
        want[r * n + ch] = c.gamma[ch] * inv *
                           (dz[r] - sum / static_cast<double>(rows) -
                            (x[r] - st.mean) * inv * product / static_cast<double>(rows));
      }
      want[c.size() + ch] = product + 0.5;
      want[c.size() + n + ch] = sum - 0.5;
    }
    ForEveryTarget([&] {
      const std::vector<float> forward = Forward(c, nullptr);
      const float* mean = forward.data() + c.size();
      const std::vector<float> got =
          SameForAnyThreads([&](ThreadPool* p) { return Backward(c, mean, mean + n, false, p); });
      ExpectNear(got, want, 1e-4, "dx, dgamma, dbeta");
    });
  }
}

TEST(BatchNorm, InPlace) {
  const Case c(777, 24, Activation::kRelu6);
  ForEveryTarget([&] {
    const std::vector<float> apart = Forward(c, nullptr);
    GuardedBuffer x(c.size()), mean(24), inv_std(24);
    GuardedBuffer scratch = GuardedBuffer::Aligned(BatchNormScratchBytes(c.s));
    std::copy(c.x.span().begin(), c.x.span().end(), x.data());
    BatchNormForwardArgs a;
    a.x = a.y = x.data();
    a.y = x.data();
    a.gamma = c.gamma.data();
    a.beta = c.beta.data();
    a.eps = kEps;
    a.act = c.act;
    a.mean = mean.data();
    a.inv_std = inv_std.data();
    BatchNormForward(c.s, a, scratch.data(), nullptr);
    EXPECT_TRUE(std::equal(x.span().begin(), x.span().end(), apart.begin()));
  });
}

TEST(BatchNorm, InferenceIsFolded) {
  for (const auto& [rows, channels] : kSizes) {
    const Case c(rows, channels, Activation::kSwish);
    SCOPED_TRACE(c.Name());
    const size_t n = static_cast<size_t>(channels);
    GuardedBuffer mean(n), var(n), scale(n), shift(n);
    mean.Randomize(6);
    var.Randomize(7, 0.1f, 2);
    std::vector<double> want(c.size());
    for (size_t i = 0; i < want.size(); ++i) {
      const size_t ch = i % n;
      want[i] = Activate<double>(
          c.act, 0,
          (c.x[i] - mean[ch]) / std::sqrt(var[ch] + double{kEps}) * c.gamma[ch] + c.beta[ch]);
    }
    BatchNormFold(channels, c.gamma.data(), c.beta.data(), mean.data(), var.data(), kEps,
                  scale.data(), shift.data());
    ForEveryTarget([&] {
      const std::vector<float> got = SameForAnyThreads([&](ThreadPool* pool) {
        GuardedBuffer y(c.size());
        BatchNormInference(c.s, c.x.data(), scale.data(), shift.data(), c.act, 0, y.data(), pool);
        EXPECT_TRUE(y.GuardsIntact());
        return std::vector<float>(y.span().begin(), y.span().end());
      });
      ExpectNear(got, want, 1e-5, "y");
    });
  }
}

}  // namespace
}  // namespace linnet::kernels
