#include "kernels/depthwise_multiplier.h"

#include "kernels/depthwise_cut.h"
#include "kernels/elementwise.h"

namespace linnet::kernels {
namespace {

// Calls f(tap, input pixel) for each tap of output (oy, ox) that lies inside of the map.
template <class F>
void ForTaps(const DepthwiseShape& s, int64_t oy, int64_t ox, F&& f) {
  for (int ky = 0; ky < s.kernel_h; ++ky) {
    const int64_t iy = oy * s.stride_h + ky * s.dilation_h - s.pad_top;
    if (iy < 0 || iy >= s.h) continue;
    for (int kx = 0; kx < s.kernel_w; ++kx) {
      const int64_t ix = ox * s.stride_w + kx * s.dilation_w - s.pad_left;
      if (ix < 0 || ix >= s.w) continue;
      f(int64_t{ky} * s.kernel_w + kx, iy * s.w + ix);
    }
  }
}

}  // namespace

void MultiplierForward(const DepthwiseShape& s, const float* src, const float* packed,
                       const Epilogue& epilogue, float* dst, ThreadPool* pool) {
  const int64_t out_c = s.out_c(), m = s.multiplier, block = DepthwiseBlockFloats(s);
  ParallelFor(pool, static_cast<size_t>(s.n * s.out_h), [&](size_t item) {
    const int64_t row = static_cast<int64_t>(item);
    const float* image = src + row / s.out_h * s.h * s.w * s.c;
    for (int64_t ox = 0; ox < s.out_w; ++ox) {
      const int64_t pixel = row * s.out_w + ox;
      float* y = dst + pixel * out_c;
      for (int64_t o = 0; o < out_c; ++o) {
        y[o] =
            (epilogue.residual ? epilogue.residual[pixel * epilogue.residual_stride + o] : 0.0f) +
            (epilogue.bias ? epilogue.bias[o] : 0.0f);
      }
      ForTaps(s, row % s.out_h, ox, [&](int64_t tap, int64_t in_pixel) {
        const float* x = image + in_pixel * s.c;
        const float* w = packed + tap * kDepthwiseLanes;
        for (int64_t c = 0; c < s.c; ++c) {
          for (int64_t o = c * m; o < (c + 1) * m; ++o) y[o] += x[c] * w[DepthwiseTaps(o, block)];
        }
      });
    }
  });
  if (epilogue.act != Activation::kIdentity) {
    ActivationForward(s.n * s.out_h * s.out_w * out_c, epilogue.act, epilogue.alpha, dst, dst,
                      pool);
  }
}

void MultiplierInputGradient(const DepthwiseShape& s, const float* dy, const float* packed,
                             bool accumulate, float* dx, ThreadPool* pool) {
  const int64_t out_c = s.out_c(), m = s.multiplier, block = DepthwiseBlockFloats(s);
  // Outputs scatter into the image they came from, so that an image is one item.
  ParallelFor(pool, static_cast<size_t>(s.n), [&](size_t item) {
    const int64_t image = static_cast<int64_t>(item);
    float* to = dx + image * s.h * s.w * s.c;
    if (!accumulate) std::fill(to, to + s.h * s.w * s.c, 0.0f);
    for (int64_t pixel = 0; pixel < s.out_h * s.out_w; ++pixel) {
      const float* g = dy + (image * s.out_h * s.out_w + pixel) * out_c;
      ForTaps(s, pixel / s.out_w, pixel % s.out_w, [&](int64_t tap, int64_t in_pixel) {
        const float* w = packed + tap * kDepthwiseLanes;
        for (int64_t c = 0; c < s.c; ++c) {
          float sum = 0;
          for (int64_t o = c * m; o < (c + 1) * m; ++o) sum += g[o] * w[DepthwiseTaps(o, block)];
          to[in_pixel * s.c + c] += sum;
        }
      });
    }
  });
}

void MultiplierWeightGradient(const DepthwiseShape& s, const float* x, const float* dy, float* dw,
                              ThreadPool* pool) {
  const int64_t out_c = s.out_c(), m = s.multiplier;
  const int64_t taps = int64_t{s.kernel_h} * s.kernel_w;
  ParallelFor(pool, static_cast<size_t>(s.c), [&](size_t item) {
    const int64_t c = static_cast<int64_t>(item);
    for (int64_t row = 0; row < s.n * s.out_h; ++row) {
      const float* image = x + row / s.out_h * s.h * s.w * s.c;
      for (int64_t ox = 0; ox < s.out_w; ++ox) {
        const float* g = dy + (row * s.out_w + ox) * out_c;
        ForTaps(s, row % s.out_h, ox, [&](int64_t tap, int64_t in_pixel) {
          for (int64_t o = c * m; o < (c + 1) * m; ++o) {
            dw[o * taps + tap] += g[o] * image[in_pixel * s.c + c];
          }
        });
      }
    }
  });
}

}  // namespace linnet::kernels
