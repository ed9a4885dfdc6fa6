#include "rewrite/rewrite.h"

#include <algorithm>

#include "ops/int8.h"
#include "rewrite/fold_batch_norm.h"
#include "rewrite/graph_edit.h"

namespace linnet {
namespace {

void DropAuxiliary(Network& network) {
  std::erase_if(network.graph.outputs, [](const Output& output) { return output.auxiliary > 0; });
}

void RemoveUnusedNodes(Network& network) { RemoveUnused(network.graph); }

bool IsIdentityInInference(const Op& op) {
  const Act* act = std::get_if<Act>(&op);
  return std::holds_alternative<Dropout>(op) || std::holds_alternative<DropPath>(op) ||
         (act != nullptr && act->kind == Activation::kIdentity);
}

void RemoveDropout(Network& network) {
  GraphEdit edit(network.graph);
  for (int i = 0; i < edit.size(); ++i) {
    if (edit.IsFloat(i) && IsIdentityInInference(edit.node(i).op))
      edit.Replace(i, edit.Input(i, 0));
  }
  edit.Finish();
}

// Where an operation keeps its fused activation, if it can have one. In training convolutions and
// fully connected layers have none: their backward is that of the plain product.
FusedActivation* FusedActivationOf(Op& op, bool training) {
  if (BatchNorm* bn = std::get_if<BatchNorm>(&op)) return &bn->act;
  if (Add* add = std::get_if<Add>(&op)) return &add->act;
  if (training) return nullptr;
  if (Conv2d* conv = std::get_if<Conv2d>(&op)) return &conv->act;
  if (Dense* dense = std::get_if<Dense>(&op)) return &dense->act;
  return nullptr;
}

template <bool kTraining>
void FuseActivation(Network& network) {
  GraphEdit edit(network.graph);
  for (int i = 0; i < edit.size(); ++i) {
    const Act* act = std::get_if<Act>(&edit.node(i).op);
    if (act == nullptr || !edit.IsFloat(i)) continue;
    const Value producer = edit.Input(i, 0);
    FusedActivation* fused = FusedActivationOf(edit.node(producer).op, kTraining);
    if (fused == nullptr || fused->kind != Activation::kIdentity || !edit.IsFloat(producer) ||
        !edit.ReadOnce(producer)) {
      continue;
    }
    *fused = {act->kind, act->alpha};
    edit.Replace(i, producer);
  }
  edit.Finish();
}

// On bytes, an activation that is looked up in a table goes into the layer before it, which
// then rounds its sums to the type its value had: the same bytes. (One that is a limit has nothing
// to be looked up; it would be applied to the sums as they are.)
void FuseLookup(Network& network) {
  GraphEdit edit(network.graph);
  for (int i = 0; i < edit.size(); ++i) {
    const Act* act = std::get_if<Act>(&edit.node(i).op);
    if (act == nullptr || !IsLookedUp(act->kind) || !edit.node(i).type.is_u8()) continue;
    const Value producer = edit.Input(i, 0);
    Node& layer = edit.node(producer);
    FusedActivation* fused = FusedActivationOf(layer.op, false);
    if (fused == nullptr || fused->kind != Activation::kIdentity || !layer.type.is_u8() ||
        !edit.ReadOnce(producer)) {
      continue;
    }
    const Quantization before = layer.type.quantization;
    *fused = {act->kind, act->alpha, before.scale, before.zero_point};
    layer.type = edit.node(i).type;
    edit.Replace(i, producer);
  }
  edit.Finish();
}

bool CanTakeResidual(GraphEdit& edit, Value value) {
  const Conv2d* conv = std::get_if<Conv2d>(&edit.node(value).op);
  return conv != nullptr && edit.IsFloat(value) && !conv->residual &&
         conv->act.kind == Activation::kIdentity && edit.ReadOnce(value);
}

// Whether it is the plain sum that a convolution can make.
bool IsPlainSum(const Add& add, const Shape& first, const Shape& second) {
  return add.scale == 1 && first == second;
}

// The convolution moves to the place of the addition, where its second input is known. Of two
// candidates the later one is taken: it would otherwise leave the larger gap.
void FuseResidual(Network& network) {
  const std::vector<Shape> shapes = InferShapes(network.graph, network.size);
  GraphEdit edit(network.graph);
  for (int i = 0; i < edit.size(); ++i) {
    const Add* add = std::get_if<Add>(&edit.node(i).op);
    if (add == nullptr || !edit.IsFloat(i)) continue;
    const Value first = edit.Input(i, 0), second = edit.Input(i, 1);
    if (!IsPlainSum(*add, shapes[first], shapes[second])) continue;
    Value conv = std::max(first, second), other = std::min(first, second);
    if (!CanTakeResidual(edit, conv)) std::swap(conv, other);
    if (!CanTakeResidual(edit, conv)) continue;
    Node merged = edit.node(conv);
    Conv2d& fields = std::get<Conv2d>(merged.op);
    fields.residual = true;
    fields.act = add->act;
    merged.inputs.push_back(other);
    edit.MoveHere(i, std::move(merged), conv);
  }
  edit.Finish();
}

constexpr Pass kPasses[] = {
    {"drop_auxiliary", "drop the heads that only help training", DropAuxiliary, nullptr},
    {"remove_unused", "drop what no output depends on", RemoveUnusedNodes, nullptr},
    {"remove_dropout", "drop operations that pass their input on", RemoveDropout, nullptr},
    {"fold_batch_norm", "into the weights and bias of the layer before", FoldBatchNorm, nullptr},
    {"fuse_activation", "into the operation before", FuseActivation<false>, FuseActivation<true>},
    {"fuse_lookup", "an activation of bytes into the layer before", FuseLookup, nullptr},
    {"fuse_residual", "an addition into the convolution before", FuseResidual, nullptr},
};

void CheckNames(const std::vector<std::string>& names) {
  std::string known;
  for (const Pass& pass : Passes()) known += (known.empty() ? "" : ", ") + std::string(pass.name);
  for (const std::string& name : names) {
    const bool found = std::any_of(std::begin(kPasses), std::end(kPasses),
                                   [&](const Pass& p) { return name == p.name; });
    if (!found) Fail(ErrorKind::kUsage, "unknown rewrite '{}'; there are {}", name, known);
  }
}

void RunPasses(Network& network, const RewriteOptions& options, void (*Pass::*run)(Network&)) {
  CheckNames(options.disable);
  for (const Pass& pass : Passes()) {
    const bool off = std::find(options.disable.begin(), options.disable.end(), pass.name) !=
                     options.disable.end();
    if (!off && pass.*run != nullptr) (pass.*run)(network);
  }
}

// The parameters the graph has now.
ParamMap Needed(const Network& network) {
  ParamMap needed;
  const auto specs = GraphParams(network.graph, InferShapes(network.graph, network.size));
  for (size_t i = 0; i < specs.size(); ++i) {
    for (const ParamSpec& spec : specs[i]) {
      const std::string name = ParamName(network.graph.nodes[i], spec);
      needed[name] = network.params.at(name);
    }
  }
  return needed;
}

}  // namespace

std::span<const Pass> Passes() { return kPasses; }

Network Rewrite(const Graph& graph, const ParamMap& params, const RewriteOptions& options,
                const InputSize& size) {
  CheckParams(graph, params, size);
  Network network{graph, params, size};
  RunPasses(network, options, &Pass::inference);
  network.params = Needed(network);
  return network;
}

Graph RewriteForTraining(const Graph& graph, const RewriteOptions& options) {
  Network network{graph, {}};
  RunPasses(network, options, &Pass::training);
  return network.graph;
}

}  // namespace linnet
