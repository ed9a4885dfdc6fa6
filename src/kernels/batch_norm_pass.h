// What the passes of batch normalisation know of each channel. Internal to the kernels.
#ifndef LINNET_KERNELS_BATCH_NORM_PASS_H_
#define LINNET_KERNELS_BATCH_NORM_PASS_H_

#include <cstdint>

#include "base/activation.h"

namespace linnet::kernels {

// z = (x - mean) * scale + beta
struct BnParams {
  const float* mean = nullptr;
  const float* scale = nullptr;  // gamma * inv_std
  const float* beta = nullptr;
  const float* slope = nullptr;   // gradient: scale * inv_std^2 * sum(dz (x - mean)) / rows
  const float* offset = nullptr;  // gradient: scale * sum(dz) / rows
  Activation act = Activation::kIdentity;
  float alpha = 0;

  BnParams At(int64_t c) const {
    const auto add = [&](const float* p) { return p == nullptr ? nullptr : p + c; };
    return {add(mean), add(scale), add(beta), add(slope), add(offset), act, alpha};
  }
};

}  // namespace linnet::kernels

#endif  // LINNET_KERNELS_BATCH_NORM_PASS_H_
