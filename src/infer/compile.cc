// Compile: rewrite -> prepare -> lay out -> bind -> pack, or take what was packed before.
#include <algorithm>

#include "base/error.h"
#include "base/slab.h"
#include "infer/bands.h"
#include "infer/channel_views.h"
#include "infer/layout.h"
#include "infer/packed_file.h"
#include "infer/plan.h"
#include "infer/plan_impl.h"
#include "infer/tune.h"
#include "ops/types.h"
#include "rewrite/bfloat16.h"

namespace linnet {
namespace {

Value OnlyInput(const Graph& graph) {
  Value found = -1;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!std::holds_alternative<Input>(graph.nodes[i].op)) continue;
    if (found >= 0) {
      Fail(ErrorKind::kUsage, "a network to be compiled has one input; this has '{}' and '{}'",
           graph.nodes[found].name, graph.nodes[i].name);
    }
    found = static_cast<Value>(i);
  }
  if (found < 0) Fail(ErrorKind::kUsage, "a network to be compiled has one input; this has none");
  return found;
}

// Flattening moves nothing if the numbers already lie in the order asked for.
bool IsView(const Op& op, const std::vector<Shape>& in) {
  const Flatten* flatten = std::get_if<Flatten>(&op);
  if (flatten == nullptr) return false;
  return flatten->order == FlattenOrder::kHwc || in[0].c() == 1 || in[0].h() * in[0].w() == 1;
}

#if LINNET_RUNTIME
constexpr bool kCanTune = false;
#else
constexpr bool kCanTune = true;
#endif

// Everything about one node of the rewritten graph.
struct Prepare {
  Prepared prepared;
  StepInfo info;
  NodeMemory memory;
};

size_t Bytes(const Shape& shape, DType dtype) {
  return static_cast<size_t>(shape.elements()) * DTypeBytes(dtype);
}

// What a step multiplies, by the types around it.
Precision PrecisionOf(std::span<const ValueType> in_types, const ValueType& out_type,
                      Precision asked) {
  const auto any = [&](bool (ValueType::*is)() const) {
    return (out_type.*is)() ||
           std::any_of(in_types.begin(), in_types.end(), [&](auto& type) { return (type.*is)(); });
  };
  if (any(&ValueType::is_u8)) return Precision::kInt8;
  if (any(&ValueType::is_bf16)) return Precision::kBf16;
  return asked == Precision::kBf16x3 ? asked : Precision::kFloat32;
}

Prepare PrepareNode(const Graph& graph, const Node& node, const std::vector<Shape>& in,
                    const Shape& out, std::span<const ParamSpec> specs, int threads,
                    Precision precision, const Tuner::Choice& choice) {
  Prepare result;
  result.memory.bytes = Bytes(out, node.type.dtype);
  result.memory.pixel_bytes = Bytes({Channels(out)}, node.type.dtype);
  result.memory.external = std::holds_alternative<Input>(node.op);
  result.memory.view = IsView(node.op, in);
  if (result.memory.external) return result;
  StepInfo& info = result.info;
  info.name = node.name;
  info.op = OpName(node.op);
  info.kernel = "view";
  info.in = in;
  info.out = out;
  if (result.memory.view) return result;
  const std::vector<ValueType> types = InputTypes(graph, node);
  info.precision = PrecisionOf(types, node.type, precision);
  result.prepared = DefOf(node.op).prepare(
      node.op, {in, out, false, threads, types, node.type, choice.implementation,
                info.precision == Precision::kBf16x3});
  info.measured = choice.why;
  result.memory.scratch_bytes = result.prepared.scratch_bytes;
  result.memory.in_place = result.prepared.in_place;
  result.memory.strided_in = result.prepared.strided_in;
  result.memory.strided_out = result.prepared.strided_out;
  result.memory.best_in_stride = Bytes({result.prepared.best_in_stride}, node.type.dtype);
  result.memory.best_out_stride = Bytes({result.prepared.best_out_stride}, node.type.dtype);
  result.memory.joins_channels = result.prepared.joins_channels;
  if (result.prepared.takes_channel >= 0) {
    result.memory.takes_bytes =
        static_cast<int64_t>(Bytes({result.prepared.takes_channel}, node.type.dtype));
  }
  info.kernel = result.prepared.kernel;
  info.refused = result.prepared.refused;
  info.macs = DefOf(node.op).macs(node.op, in, out);
  info.bytes = result.memory.bytes;
  for (size_t i = 0; i < in.size(); ++i) info.bytes += Bytes(in[i], types[i].dtype);
  for (const ParamSpec& spec : specs) info.weight_bytes += Bytes(spec.shape, spec.dtype);
  if (info.precision == Precision::kBf16) info.weight_bytes /= 2;
  info.scratch_bytes = result.prepared.scratch_bytes;
  return result;
}

size_t WeightBytes(const std::vector<std::vector<ParamSpec>>& specs) {
  size_t bytes = 0;
  for (const std::vector<ParamSpec>& of_node : specs) {
    for (const ParamSpec& spec : of_node) bytes += Bytes(spec.shape, DType::kF32);
  }
  return bytes;
}

// By node, what measuring says; without a name where there is no choice, or values are not float32.
// (Split products have one implementation each, and none of those.)
std::vector<Tuner::Choice> TuneNodes(const Graph& graph, const std::vector<Shape>& shapes,
                                     const std::vector<std::vector<ParamSpec>>& specs,
                                     int threads) {
  std::vector<Tuner::Choice> choices(shapes.size());
  Tuner tuner(TuneFile(), threads, WeightBytes(specs));
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const std::vector<Shape> in = InputShapes(node, shapes);
    if (std::holds_alternative<Input>(node.op) || IsView(node.op, in)) continue;
    std::vector<ValueType> types = InputTypes(graph, node);
    types.push_back(node.type);
    if (std::any_of(types.begin(), types.end(),
                    [](const ValueType& type) { return type.dtype != DType::kF32; })) {
      continue;
    }
    const Prepared by_rule = DefOf(node.op).prepare(node.op, {in, shapes[i], false, threads});
    if (by_rule.candidates.size() < 2) continue;
    choices[i] = tuner.Choose(node.op, in, shapes[i], by_rule.candidates);
  }
  tuner.Save();
  return choices;
}

// A step whose inputs or result live among the channels of others copies less, or nothing.
void CountCopies(const Graph& graph, const std::vector<ChannelPlace>& places,
                 std::vector<Prepare>& prepares) {
  for (size_t i = 0; i < places.size(); ++i) {
    Prepare& prepare = prepares[i];
    if (places[i].nothing_to_do) {
      prepare.prepared.forward = nullptr;
      prepare.info.kernel = "view";
      prepare.info.bytes = 0;
    } else if (prepare.memory.joins_channels) {
      size_t offset = places[i].offset;
      for (const Value part : graph.nodes[i].inputs) {
        const bool there = places[part].home == places[i].home && places[part].offset == offset;
        if (there) prepare.info.bytes -= 2 * prepares[part].memory.bytes;
        offset += prepares[part].memory.pixel_bytes;
      }
    }
  }
}

// What tuning chose when the weights were packed. Empty names where there are not as many steps.
std::vector<Tuner::Choice> ChoicesOf(const PackedNetwork& packed, const Graph& graph) {
  std::vector<Tuner::Choice> choices(graph.nodes.size());
  size_t step = 0;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (std::holds_alternative<Input>(graph.nodes[i].op) || step == packed.steps.size()) continue;
    choices[i] = {packed.steps[step].implementation, packed.steps[step].measured};
    ++step;
  }
  return choices;
}

// False if they were packed for other kernels than have been chosen.
bool UseAllPacked(const PackedNetwork& packed, std::vector<PlanStep>& steps) {
  if (packed.steps.size() != steps.size()) return false;
  for (size_t i = 0; i < steps.size(); ++i) {
    Prepared& prepared = steps[i].prepared;
    if (packed.steps[i].kernel != prepared.kernel) return false;
    if (!UsePacked(packed.steps[i].arrays, prepared)) return false;
  }
  return true;
}

std::vector<BandGroup> FindBands(const Plan::Impl& impl, const std::vector<Shape>& shapes,
                                 const std::vector<Prepare>& prepares,
                                 const std::vector<ChannelPlace>& places,
                                 const CompileOptions& options) {
  if (!options.bands) return {};
  std::vector<const Prepared*> prepared;
  for (const Prepare& prepare : prepares) prepared.push_back(&prepare.prepared);
  return PlanBands(impl.graph, shapes, prepared, places, impl.threads);
}

// Nodes that run by turns need their memory at the same time, but only strips of the maps between
// them.
void KeepTogether(const std::vector<BandGroup>& groups, const std::vector<Shape>& shapes,
                  std::vector<NodeMemory>& memory) {
  for (const BandGroup& group : groups) {
    for (Value v = group.first; v <= group.last; ++v) {
      memory[v].first_together = group.first;
      memory[v].last_together = group.last;
      memory[v].in_place = false;
    }
    for (size_t i = 0; i < group.strip_rows.size(); ++i) {
      NodeMemory& strip = memory[group.first + i];
      const auto rows = static_cast<size_t>(group.strip_rows[i]) * group.sections.size();
      strip.bytes = strip.bytes / static_cast<size_t>(shapes[group.first + i].h()) * rows;
    }
  }
}

// The parameters of a node in the order of their specs. Packing takes what the kernel needs, and
// then none is kept.
void TakeParams(PlanStep& step, const Node& node, std::span<const ParamSpec> specs,
                const ParamMap& params) {
  for (const ParamSpec& spec : specs) step.params.push_back(params.at(ParamName(node, spec)));
  if (step.prepared.pack) {
    step.prepared.pack(step.params, nullptr);
    step.params.clear();
  }
  for (Tensor& param : step.params) param = param.Clone();
}

}  // namespace

// Turns the nodes into steps whose tensors are views into the arena.
struct PlanBuilder {
  Plan::Impl& impl;
  const std::vector<Shape>& shapes;
  const Layout& layout;

  // In numbers; 0: pixels touch.
  int64_t StrideOf(Value value) const {
    const size_t number = DTypeBytes(impl.graph.nodes[value].type.dtype);
    return static_cast<int64_t>(layout.stride[value] / number);
  }

  Tensor ViewOf(Value value) const {
    if (layout.value[value] == Layout::kExternal) return Tensor::View(nullptr, shapes[value]);
    std::byte* data = static_cast<std::byte*>(impl.arena.get()) + layout.value[value];
    return Tensor::View(data, shapes[value], impl.graph.nodes[value].type.dtype);
  }

  void AddStep(int i, Prepare& prepare) {
    PlanStep step;
    const Node& node = impl.graph.nodes[i];
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      if (layout.value[node.inputs[k]] == Layout::kExternal) {
        impl.input_uses.push_back({static_cast<int>(impl.steps.size()), static_cast<int>(k)});
      }
      step.in.push_back(ViewOf(node.inputs[k]));
      step.in_stride.push_back(StrideOf(node.inputs[k]));
    }
    step.out = ViewOf(i);
    step.out_stride = StrideOf(i);
    step.scratch = static_cast<std::byte*>(impl.arena.get()) + layout.scratch[i];
    step.prepared = std::move(prepare.prepared);
    prepare.info.in_place = layout.in_place[i];
    impl.info.push_back(std::move(prepare.info));
    impl.steps.push_back(std::move(step));
  }

  // Bytes of a row of a map.
  ptrdiff_t RowBytes(Value value) const {
    const Shape& shape = shapes[value];
    const int64_t pixel = StrideOf(value) == 0 ? shape.c() : StrideOf(value);
    return static_cast<ptrdiff_t>(
        shape.w() * pixel * static_cast<int64_t>(DTypeBytes(impl.graph.nodes[value].type.dtype)));
  }

  // The group's first node is step 'first_step'; 'i' is its section.
  PlanTurn TurnOf(const BandGroup& group, int first_step, size_t i, const Turn& rows) const {
    PlanTurn turn;
    const auto at = static_cast<size_t>(rows.node - group.first);
    turn.step = first_step + static_cast<int>(at);
    turn.rows = rows;
    const auto section = static_cast<ptrdiff_t>(i);
    if (at > 0) {
      const ptrdiff_t strip = section * group.strip_rows[at - 1];
      turn.in_shift = (strip - rows.in_origin) * RowBytes(rows.node - 1);
    }
    if (rows.node == group.last) return turn;
    const ptrdiff_t strip = section * group.strip_rows[at] * RowBytes(rows.node);
    turn.out_shift = strip - rows.out_origin * RowBytes(rows.node);
    turn.to = layout.value[rows.node] + static_cast<size_t>(strip);
    turn.from = turn.to + static_cast<size_t>(rows.keep_from * RowBytes(rows.node));
    turn.bytes = rows.keep_from == 0 ? 0 : static_cast<size_t>(rows.keep * RowBytes(rows.node));
    return turn;
  }

  // Nodes without a step are inputs, which are in no group.
  void AddGroup(const BandGroup& group) {
    PlanGroup added;
    for (Value v = 0; v < group.first; ++v) {
      if (!std::holds_alternative<Input>(impl.graph.nodes[v].op)) ++added.first;
    }
    added.last = added.first + (group.last - group.first);
    for (size_t i = 0; i < group.sections.size(); ++i) {
      added.sections.emplace_back();
      for (const Turn& turn : group.sections[i]) {
        added.sections.back().push_back(TurnOf(group, added.first, i, turn));
      }
    }
    const auto steps = static_cast<size_t>(group.last - group.first + 1);
    impl.group_seconds.resize(std::max(impl.group_seconds.size(), added.sections.size()));
    for (std::vector<double>& seconds : impl.group_seconds) {
      seconds.resize(std::max(seconds.size(), steps));
    }
    impl.groups.push_back(std::move(added));
  }

  void AddOutputs() {
    for (const Value output : impl.graph.outputs) {
      if (layout.value[output] == Layout::kExternal) {
        impl.input_uses.push_back({InputUse::kOutputs, static_cast<int>(impl.outputs.size())});
      }
      impl.outputs.push_back(ViewOf(output));
    }
  }
};

namespace {

// The network as it will be run.
Network RewriteFor(const Graph& graph, const ParamMap& params, const CompileOptions& options) {
  Network network =
      Rewrite(graph, params, options.rewrite, {options.batch, options.height, options.width});
  if (options.precision == Precision::kInt8) {
    Fail(ErrorKind::kUsage,
         "precision=int8: a network's values are bytes because it was quantized (linnet compress)");
  }
  if (options.precision == Precision::kBf16) {
    network.graph = InBfloat16(
        network.graph, InferShapes(network.graph, {options.batch, options.height, options.width}));
  }
  return network;
}

// With 'packed', weights are those, and 'network' has none; null if they do not fit.
std::unique_ptr<Plan> CompileRewritten(Network network, const CompileOptions& options,
                                       const PackedNetwork* packed) {
  const std::vector<Shape> shapes =
      InferShapes(network.graph, {options.batch, options.height, options.width});
  const Value input = OnlyInput(network.graph);
  CheckTypes(network.graph, shapes);
  const auto specs = GraphParams(network.graph, shapes);
  auto impl = std::make_unique<Plan::Impl>();
  impl->graph = std::move(network.graph);
  impl->input_shape = shapes[input];
  impl->threads = options.threads > 0 ? options.threads : DefaultThreads();

  std::vector<Tuner::Choice> choices(shapes.size());
  if (packed != nullptr) {
    choices = ChoicesOf(*packed, impl->graph);
  } else if (kCanTune && options.tune && options.precision != Precision::kBf16x3) {
    choices = TuneNodes(impl->graph, shapes, specs, impl->threads);
  }
  std::vector<Prepare> prepares;
  std::vector<NodeMemory> memory;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Node& node = impl->graph.nodes[i];
    prepares.push_back(PrepareNode(impl->graph, node, InputShapes(node, shapes), shapes[i],
                                   specs[i], impl->threads, options.precision, choices[i]));
    memory.push_back(prepares.back().memory);
  }
  const std::vector<ChannelPlace> places =
      options.channel_views ? PlaceChannels(impl->graph, memory) : PlaceApart(memory);
  CountCopies(impl->graph, places, prepares);
  const std::vector<BandGroup> bands = FindBands(*impl, shapes, prepares, places, options);
  KeepTogether(bands, shapes, memory);
  const Layout layout = PlanLayout(impl->graph, memory, places);
  impl->arena = AllocateAligned(layout.bytes);
  impl->arena_bytes = layout.bytes;
  impl->arena_lower_bound = layout.value_peak_bytes;

  PlanBuilder builder{*impl, shapes, layout};
  const SlabScope packed_weights;
  for (size_t i = 0; i < shapes.size(); ++i) {
    if (memory[i].external) continue;
    builder.AddStep(static_cast<int>(i), prepares[i]);
    if (packed == nullptr) {
      TakeParams(impl->steps.back(), impl->graph.nodes[i], specs[i], network.params);
    }
  }
  builder.AddOutputs();
  for (const BandGroup& group : bands) builder.AddGroup(group);
  if (packed != nullptr && !UseAllPacked(*packed, impl->steps)) return nullptr;
  return std::make_unique<Plan>(std::move(impl));
}

}  // namespace

std::unique_ptr<Plan> Compile(const Graph& graph, const ParamMap& params,
                              const CompileOptions& options) {
  return CompileRewritten(RewriteFor(graph, params, options), options, nullptr);
}

std::unique_ptr<Plan> CompilePacked(PackedNetwork network, const CompileOptions& options) {
  Graph graph = network.graph;
  return CompileRewritten({.graph = std::move(graph), .params = {}}, options, &network);
}

}  // namespace linnet
