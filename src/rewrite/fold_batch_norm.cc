#include "rewrite/fold_batch_norm.h"

#include <cmath>

#include "rewrite/graph_edit.h"

namespace linnet {
namespace {

// The layer's bias flag and activation, if a batch norm may be folded into it.
struct Layer {
  bool* bias = nullptr;
  FusedActivation* act = nullptr;
};

Layer FoldableLayer(Op& op) {
  Layer layer;
  if (Conv2d* conv = std::get_if<Conv2d>(&op); conv != nullptr && !conv->residual) {
    layer = {&conv->bias, &conv->act};
  } else if (Dense* dense = std::get_if<Dense>(&op)) {
    layer = {&dense->bias, &dense->act};
  }
  if (layer.act != nullptr && layer.act->kind != Activation::kIdentity) return {};
  return layer;
}

// Per channel: y = scale x + shift.
struct Affine {
  std::vector<double> scale, shift;
};

Affine AffineOf(const BatchNorm& bn, const std::string& name, const ParamMap& params) {
  const Tensor& mean = params.at(name + ".running_mean");
  const Tensor& variance = params.at(name + ".running_var");
  Affine affine;
  for (int64_t c = 0; c < mean.elements(); ++c) {
    const double gamma = bn.affine ? params.at(name + ".weight").data()[c] : 1.0;
    const double beta = bn.affine ? params.at(name + ".bias").data()[c] : 0.0;
    const double scale = gamma / std::sqrt(double{variance.data()[c]} + double{bn.eps});
    affine.scale.push_back(scale);
    affine.shift.push_back(beta - mean.data()[c] * scale);
  }
  return affine;
}

// The output channel is the first dimension of the weights, so a channel's are contiguous.
void FoldInto(const std::string& name, bool has_bias, const Affine& affine, ParamMap& params) {
  const int64_t channels = static_cast<int64_t>(affine.scale.size());
  Tensor weight = params.at(name + ".weight").Clone();
  Tensor bias(Shape{channels});
  const int64_t each = weight.elements() / channels;
  for (int64_t c = 0; c < channels; ++c) {
    float* w = weight.data() + c * each;
    for (int64_t i = 0; i < each; ++i) w[i] = static_cast<float>(w[i] * affine.scale[c]);
    const double old = has_bias ? params.at(name + ".bias").data()[c] : 0.0;
    bias.data()[c] = static_cast<float>(old * affine.scale[c] + affine.shift[c]);
  }
  params[name + ".weight"] = weight;
  params[name + ".bias"] = bias;
}

}  // namespace

void FoldBatchNorm(Network& network) {
  GraphEdit edit(network.graph);
  for (int i = 0; i < edit.size(); ++i) {
    const BatchNorm* bn = std::get_if<BatchNorm>(&edit.node(i).op);
    if (bn == nullptr || !edit.IsFloat(i)) continue;
    const Value producer = edit.Input(i, 0);
    if (!edit.IsFloat(producer)) continue;
    const Layer layer = FoldableLayer(edit.node(producer).op);
    if (layer.act == nullptr || !edit.ReadOnce(producer)) continue;
    const Affine affine = AffineOf(*bn, edit.node(i).name, network.params);
    FoldInto(edit.node(producer).name, *layer.bias, affine, network.params);
    *layer.bias = true;
    *layer.act = bn->act;
    edit.Replace(i, producer);
  }
  edit.Finish();
}

}  // namespace linnet
