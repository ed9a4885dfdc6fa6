// The last entry of every list of implementations: the op's reference, run on its tensors. Forward
// only, and it allocates.
#ifndef LINNET_OPS_REFERENCE_KERNEL_H_
#define LINNET_OPS_REFERENCE_KERNEL_H_

#include <memory>

#include "ops/op_def.h"

namespace linnet {

template <class D>
Prepared PrepareFromReference(const typename D::Fields& op, const PrepareArgs& args) {
  using Values = std::vector<RefTensor<double>>;
  const auto copy = [](std::span<const Tensor> tensors) {
    Values values;
    for (const Tensor& tensor : tensors) {
      values.emplace_back(tensor.shape());
      std::copy_n(tensor.data(), tensor.elements(), values.back().data.begin());
    }
    return values;
  };
  auto packed = std::make_shared<Values>();
  Prepared prepared;
  prepared.kernel = "reference";
  prepared.pack = [=](std::span<const Tensor> params) { *packed = copy(params); };
  prepared.forward = [=, training = args.training](const ForwardArgs& a) {
    const Values in = copy(a.in);
    const RefTensor<double> y =
        D::Reference(op, RefArgs<double>{in, *packed, a.out.shape(), training, a.seed});
    float* out = Tensor(a.out).data();
    for (size_t i = 0; i < y.data.size(); ++i) out[i] = static_cast<float>(y.data[i]);
  };
  return prepared;
}

}  // namespace linnet

#endif  // LINNET_OPS_REFERENCE_KERNEL_H_
