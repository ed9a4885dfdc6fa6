// The activation functions: names, and the obvious formula of each, on any scalar.
//
// They stand in base because the graph names them and the kernels compute them, and those two
// folders do not know each other.
#ifndef LINNET_BASE_ACTIVATION_H_
#define LINNET_BASE_ACTIVATION_H_

#include <algorithm>
#include <cmath>
#include <complex>
#include <iterator>
#include <span>

namespace linnet {

enum class Activation {
  kIdentity,
  kRelu,       // max(x, 0)
  kRelu6,      // min(max(x, 0), 6)                      MobileNetV2, 1801.04381
  kLeakyRelu,  // x < 0 ? alpha x : x                    default alpha 0.01
  kElu,        // x < 0 ? alpha (e^x - 1) : x            1511.07289
  kSelu,       // scaled ELU with fixed constants        1706.02515
  kSigmoid,    // 1 / (1 + e^-x)
  kTanh,
  kHardSigmoid,  // relu6(x + 3) / 6                       MobileNetV3, 1905.02244
  kHardSwish,    // x relu6(x + 3) / 6                     MobileNetV3
  kSwish,        // x sigmoid(x)                           1710.05941
  kScaledTanh,   // 1.7159 tanh(2/3 x)                     LeCun et al. 1998, appendix A
};

inline constexpr const char* kActivationNames[] = {
    "identity", "relu", "relu6",        "leaky_relu", "elu",   "selu",
    "sigmoid",  "tanh", "hard_sigmoid", "hard_swish", "swish", "scaled_tanh"};
inline constexpr int kActivations = std::size(kActivationNames);
static_assert(kActivations == static_cast<int>(Activation::kScaledTanh) + 1);
inline std::span<const char* const> EnumNames(Activation) { return kActivationNames; }

// Constants of SELU, 1706.02515 eq. 14.
inline constexpr double kSeluAlpha = 1.6732632423543772;
inline constexpr double kSeluScale = 1.0507009873554805;

// LeNet-5's squashing function A tanh(S a).
inline constexpr double kScaledTanhA = 1.7159;
inline constexpr double kScaledTanhS = 2.0 / 3;

// The real part, by which a scalar is compared: the complex step (gradients) perturbs the imaginary
// one.
template <class T>
double Real(const T& x) {
  return static_cast<double>(x);
}
inline double Real(const std::complex<double>& x) { return x.real(); }

// The reference. 'alpha' is used by leaky_relu and elu only.
template <class T>
T Activate(Activation kind, double alpha, T x) {
  using std::exp;
  using std::tanh;
  const double r = Real(x);
  const T one(1.0);
  switch (kind) {
    case Activation::kIdentity:
      return x;
    case Activation::kRelu:
      return r <= 0 ? T(0.0) : x;
    case Activation::kRelu6:
      return r <= 0 ? T(0.0) : r >= 6 ? T(6.0) : x;
    case Activation::kLeakyRelu:
      return r < 0 ? T(alpha) * x : x;
    case Activation::kElu:
      return r < 0 ? T(alpha) * (exp(x) - one) : x;
    case Activation::kSelu:
      return T(kSeluScale) * (r < 0 ? T(kSeluAlpha) * (exp(x) - one) : x);
    case Activation::kSigmoid:
      return one / (one + exp(-x));
    case Activation::kTanh:
      return tanh(x);
    case Activation::kHardSigmoid:
      return r <= -3 ? T(0.0) : r >= 3 ? one : (x + T(3.0)) / T(6.0);
    case Activation::kHardSwish:
      return r <= -3 ? T(0.0) : r >= 3 ? x : x * (x + T(3.0)) / T(6.0);
    case Activation::kSwish:
      return x / (one + exp(-x));
    case Activation::kScaledTanh:
      return T(kScaledTanhA) * tanh(T(kScaledTanhS) * x);
  }
  return x;
}

}  // namespace linnet

#endif  // LINNET_BASE_ACTIVATION_H_
