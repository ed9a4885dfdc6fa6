#include "archs/attention.h"

#include "archs/blocks.h"

namespace linnet {
namespace {

Conv2d Pointwise(int out_channels) { return {.out_channels = out_channels, .bias = true}; }

// BAM, eq. 3: one number a channel.
Value BamChannels(Graph& graph, Value x, const std::string& name, int channels) {
  x = graph.Emit(name + ".pool", GlobalPool{}, {x});
  x = ConvBnAct(graph, x, {name + ".gate_c_fc_0", name + ".gate_c_bn_1", name + ".gate_c_relu_1"},
                Pointwise(AttentionSqueeze(channels)), Activation::kRelu);
  return graph.Emit(name + ".gate_c_fc_final", Pointwise(channels), {x});
}

// BAM, eq. 4: one number a pixel.
Value BamPixels(Graph& graph, Value x, const std::string& name, int channels) {
  const int squeeze = AttentionSqueeze(channels);
  const auto names = [&](const char* layer) {
    const auto of = [&](const char* kind) {
      return fmt::format("{}.gate_s_{}_{}", name, kind, layer);
    };
    return ConvNames{of("conv"), of("bn"), of("relu")};
  };
  x = ConvBnAct(graph, x, names("reduce0"), Pointwise(squeeze), Activation::kRelu);
  Conv2d context = SquareConv(squeeze, 3);
  context.dilation = {4, 4};
  context.padding = Padding::All(4);
  context.bias = true;
  x = ConvBnAct(graph, x, names("di_0"), context, Activation::kRelu);
  x = ConvBnAct(graph, x, names("di_1"), context, Activation::kRelu);
  return graph.Emit(name + ".gate_s_conv_final", Pointwise(1), {x});
}

// CBAM, eq. 2: MLP(mean) + MLP(maximum) with one MLP. The graph has no shared weights; instead the
// two vectors become the two pixels of one map, which 1x1 convolutions treat alike.
Value CbamChannels(Graph& graph, Value x, const std::string& name, int channels) {
  const auto emit = [&](const char* node, Op op, std::vector<Value> inputs) {
    return graph.Emit(name + "." + node, std::move(op), std::move(inputs));
  };
  const Value mean = emit("mean", GlobalPool{PoolKind::kAverage}, {x});
  const Value max = emit("max", GlobalPool{PoolKind::kMax}, {x});
  const Value above = emit("above", Pad{.padding = {.bottom = 1}}, {mean});
  const Value below = emit("below", Pad{.padding = {.top = 1}}, {max});
  Value both = emit("both", Add{}, {above, below});
  both = emit("mlp.1", Pointwise(AttentionSqueeze(channels)), {both});
  both = emit("mlp.2", Act{}, {both});
  both = emit("mlp.3", Pointwise(channels), {both});
  const Value first = emit("first", Slice{.axis = Axis::kHeight, .begin = 0, .end = 1}, {both});
  const Value second = emit("second", Slice{.axis = Axis::kHeight, .begin = 1, .end = 2}, {both});
  const Value sum = emit("sum", Add{}, {first, second});
  return emit("scale", Mul{}, {x, emit("sigmoid", Act{Activation::kSigmoid}, {sum})});
}

// CBAM, eq. 3.
Value CbamPixels(Graph& graph, Value x, const std::string& name) {
  const Value max = graph.Emit(name + ".max", ChannelPool{PoolKind::kMax}, {x});
  const Value mean = graph.Emit(name + ".mean", ChannelPool{PoolKind::kAverage}, {x});
  Value mask = graph.Emit(name + ".compress", Concat{}, {max, mean});
  mask = graph.Emit(name + ".spatial.conv", SquareConv(1, 7), {mask});
  mask = graph.Emit(name + ".spatial.bn", BatchNorm{.momentum = 0.01f}, {mask});
  mask = graph.Emit(name + ".sigmoid", Act{Activation::kSigmoid}, {mask});
  return graph.Emit(name + ".scale", Mul{}, {x, mask});
}

}  // namespace

Value SqueezeExcite(Graph& graph, Value x, const std::string& name, int channels,
                    const SqueezeExciteOptions& options) {
  Value gate = graph.Emit(name + ".pool", GlobalPool{}, {x});
  gate = graph.Emit(name + "." + options.reduce, Pointwise(options.squeeze), {gate});
  gate = graph.Emit(name + ".act", Act{options.act}, {gate});
  gate = graph.Emit(name + "." + options.expand, Pointwise(channels), {gate});
  gate = graph.Emit(name + ".gate", Act{options.gate}, {gate});
  return graph.Emit(name + ".scale", Mul{}, {x, gate});
}

Value Bam(Graph& graph, Value x, const std::string& name, int channels) {
  const Value by_channel = BamChannels(graph, x, name + ".channel_att.gate_c", channels);
  const Value by_pixel = BamPixels(graph, x, name + ".spatial_att.gate_s", channels);
  Value gate = graph.Emit(name + ".sum", Add{}, {by_channel, by_pixel});
  gate = graph.Emit(name + ".sigmoid", Act{Activation::kSigmoid}, {gate});
  const Value scaled = graph.Emit(name + ".scale", Mul{}, {x, gate});
  return graph.Emit(name + ".add", Add{}, {x, scaled});
}

Value Cbam(Graph& graph, Value x, const std::string& name, int channels) {
  x = CbamChannels(graph, x, name + ".ChannelGate", channels);
  return CbamPixels(graph, x, name + ".SpatialGate");
}

}  // namespace linnet
