// A number that only counts: run a reference on it, and the multiplications are the multiply-adds.
#ifndef LINNET_OPS_COUNTED_H_
#define LINNET_OPS_COUNTED_H_

#include <cstdint>

#include "base/activation.h"

namespace linnet {

struct Counted {
  Counted() = default;
  explicit Counted(double) {}

  // Multiplications so far on this thread.
  static int64_t& multiplications() {
    static thread_local int64_t count = 0;
    return count;
  }
};

inline Counted operator*(Counted a, Counted) {
  ++Counted::multiplications();
  return a;
}
inline Counted operator+(Counted a, Counted) { return a; }
inline Counted operator-(Counted a, Counted) { return a; }
inline Counted operator-(Counted a) { return a; }
inline Counted operator/(Counted a, Counted) { return a; }
inline Counted& operator+=(Counted& a, Counted) { return a; }
inline Counted exp(Counted a) { return a; }
inline Counted log(Counted a) { return a; }
inline Counted tanh(Counted a) { return a; }
inline Counted sqrt(Counted a) { return a; }
inline double Real(Counted) { return 0; }
// The field's convention: activations do not count.
inline Counted Activate(Activation, double, Counted x) { return x; }

}  // namespace linnet

#endif  // LINNET_OPS_COUNTED_H_
