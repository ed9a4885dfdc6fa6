#include "train/executor.h"

#include <algorithm>
#include <numeric>

#include "base/arena.h"
#include "base/rng.h"

namespace linnet {

Executor::Executor(const Graph& graph, const InputSize& size, const Parameters& params,
                   ThreadPool* pool)
    : graph_(graph), pool_(pool) {
  for (size_t i = 1; i < graph_.nodes.size(); ++i) {
    if (!std::holds_alternative<Input>(graph_.nodes[i].op)) continue;
    Fail(ErrorKind::kUsage, "a network has one input, its first node; '{}' is another",
         graph_.nodes[i].name);
  }
  for (const Node& node : graph_.nodes) {
    if (node.type.dtype == DType::kF32) continue;
    Fail(ErrorKind::kUsage,
         "'{}' has values that are not float32 ('{}'): it can be run, not trained", graph_.name,
         node.name);
  }
  const std::vector<Shape> shapes = InferShapes(graph_, size);
  BindParameters(shapes, params);
  MarkTrained();
  PrepareNodes(shapes);
  PlanMemory(shapes);
}

void Executor::BindParameters(const std::vector<Shape>& shapes, const Parameters& params) {
  const auto specs = GraphParams(graph_, shapes);
  params_.resize(specs.size());
  param_gradients_.resize(specs.size());
  for (size_t i = 0; i < specs.size(); ++i) {
    for (const ParamSpec& spec : specs[i]) {
      const std::string name = ParamName(graph_.nodes[i], spec);
      params_[i].push_back(params.value(name));
      param_gradients_[i].push_back(params.gradient(name));
      if (params_[i].back().shape() == spec.shape) continue;
      Fail(
          ErrorKind::kUsage,
          "'{}' is {} at the size that the graph says, and {} at the size of the pictures: say the "
          "size to the network (--size), not to the pipeline",
          name, params_[i].back().shape().ToString(), spec.shape.ToString());
    }
  }
}

// A node's gradient is wanted if a trained parameter lies in it or before it.
void Executor::MarkTrained() {
  const auto users = Users(graph_);
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    const std::vector<Value>& inputs = graph_.nodes[i].inputs;
    if (users[i].empty() &&
        std::count(graph_.outputs.begin(), graph_.outputs.end(), static_cast<int>(i)) == 0) {
      Fail(ErrorKind::kUsage, "node '{}' feeds no output; remove it or return it",
           graph_.nodes[i].name);
    }
    const auto has_data = [](const Tensor& gradient) { return static_cast<bool>(gradient); };
    const std::vector<Tensor>& own = param_gradients_[i];
    trained_.push_back(
        std::any_of(own.begin(), own.end(), has_data) ||
        std::any_of(inputs.begin(), inputs.end(), [&](Value v) { return trained_[v]; }));
  }
  for (size_t i = 0; i < graph_.outputs.size(); ++i) {
    const Value output = graph_.outputs[i];
    if (!trained_[output]) {
      Fail(ErrorKind::kUsage, "nothing before the output '{}' can be trained",
           graph_.nodes[output].name);
    }
    if (std::count(graph_.outputs.begin(), graph_.outputs.begin() + static_cast<int64_t>(i),
                   output) > 0) {
      Fail(ErrorKind::kUsage, "'{}' is returned twice: each output has a loss of its own",
           graph_.nodes[output].name);
    }
  }
}

void Executor::PrepareNodes(const std::vector<Shape>& shapes) {
  size_t scratch_bytes = 0;
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& node = graph_.nodes[i];
    if (std::holds_alternative<Input>(node.op)) {
      prepared_.emplace_back();
      continue;
    }
    const std::vector<Shape> in = InputShapes(node, shapes);
    prepared_.push_back(DefOf(node.op).prepare(node.op, {in, shapes[i], true, Threads(pool_)}));
    if (trained_[i] && !prepared_.back().backward) {
      Fail(ErrorKind::kUsage, "node '{}' ({}) has no backward pass", node.name, OpName(node.op));
    }
    scratch_bytes = std::max(scratch_bytes, prepared_.back().scratch_bytes);
  }
  scratch_ = AllocateAligned(scratch_bytes);
}

// By node: the one in whose memory its gradient lies, itself or one after it whose backward pass
// writes it there (Prepared::gradient_in_place), if nobody else adds to it.
std::vector<int> Executor::GradientHomes(const std::vector<std::vector<int>>& users) const {
  std::vector<int> home(graph_.nodes.size());
  std::iota(home.begin(), home.end(), 0);
  for (size_t i = graph_.nodes.size(); i-- > 1;) {
    if (!prepared_[i].gradient_in_place) continue;
    const Value input = graph_.nodes[i].inputs[0];
    const bool output =
        std::count(graph_.outputs.begin(), graph_.outputs.end(), static_cast<int>(input)) > 0;
    if (trained_[input] && users[input].size() == 1 && !output) home[input] = home[i];
  }
  return home;
}

// Time runs 0..n-1 forward and n..2n-1 backward: node i works at i and at 2n-1-i. A value lives
// until its own backward step; its gradient from the backward step of its last user.
void Executor::PlanMemory(const std::vector<Shape>& shapes) {
  const int n = static_cast<int>(graph_.nodes.size());
  const auto users = Users(graph_);
  input_users_ = users[0];
  const auto bytes = [](const Shape& shape) {
    return static_cast<size_t>(shape.elements()) * sizeof(float);
  };
  std::vector<Lifetime> lifetimes;
  for (int i = 0; i < n; ++i)
    lifetimes.push_back({i, 2 * n - 1 - i, i == 0 ? 0 : bytes(shapes[i])});
  for (int i = 0; i < n; ++i) {
    const bool output = std::count(graph_.outputs.begin(), graph_.outputs.end(), i) > 0;
    const int last_user = output || users[i].empty() ? n : users[i].back();
    lifetimes.push_back({2 * n - 1 - last_user, 2 * n - 1 - i, trained_[i] ? bytes(shapes[i]) : 0});
  }
  const std::vector<int> home = GradientHomes(users);
  for (int i = 0; i < n; ++i) {
    if (home[i] == i) continue;
    lifetimes[n + i].bytes = 0;
    lifetimes[n + home[i]].last = std::max(lifetimes[n + home[i]].last, 2 * n - 1 - i);
  }
  std::vector<std::pair<int, size_t>> saved;  // node, index
  for (int i = 0; i < n; ++i) {
    for (size_t s = 0; s < prepared_[i].saved.size(); ++s) {
      saved.emplace_back(i, s);
      lifetimes.push_back({i, 2 * n - 1 - i, bytes(prepared_[i].saved[s])});
    }
  }
  const ArenaPlan plan = PlanArena(lifetimes);
  arena_bytes_ = plan.bytes;
  arena_ = AllocateAligned(plan.bytes);
  const auto view = [&](size_t buffer, const Shape& shape) {
    return Tensor::View(static_cast<char*>(arena_.get()) + plan.offsets[buffer], shape);
  };

  saved_.resize(n);
  for (int i = 0; i < n; ++i) {
    values_.push_back(view(i, shapes[i]));
    gradients_.push_back(trained_[i] ? view(n + home[i], shapes[i]) : Tensor());
  }
  for (size_t k = 0; k < saved.size(); ++k) {
    const auto [node, s] = saved[k];
    saved_[node].push_back(view(2 * n + k, prepared_[node].saved[s]));
  }

  // Backward visits the users of a value from the last to the first: all but the last add. An
  // output's gradient is there before any of them.
  std::vector<bool> written(n, false);
  for (const Value output : graph_.outputs) written[output] = true;
  inputs_.resize(n);
  input_gradients_.resize(n);
  accumulate_.resize(n);
  for (int i = n - 1; i >= 0; --i) {
    const std::vector<Value>& inputs = graph_.nodes[i].inputs;
    accumulate_[i] = std::make_unique<bool[]>(std::max<size_t>(1, inputs.size()));
    for (size_t k = 0; k < inputs.size(); ++k) {
      inputs_[i].push_back(values_[inputs[k]]);
      input_gradients_[i].push_back(gradients_[inputs[k]]);
      accumulate_[i][k] = written[inputs[k]];
      written[inputs[k]] = true;
    }
  }
}

// The pictures are read where they lie: every node that reads the input reads them.
void Executor::BindInput(const Tensor& images) {
  Check(images.shape() == input_shape(), "the network takes {}, got {}", input_shape().ToString(),
        images.shape().ToString());
  for (const int user : input_users_) {
    for (size_t k = 0; k < inputs_[user].size(); ++k) {
      if (graph_.nodes[user].inputs[k] == 0) inputs_[user][k] = images;
    }
  }
}

void Executor::Forward(const Tensor& images, uint64_t seed) {
  BindInput(images);
  for (size_t i = 1; i < graph_.nodes.size(); ++i) {
    if (prepared_[i].pack) prepared_[i].pack(params_[i], pool_);
    prepared_[i].forward({.in = inputs_[i],
                          .out = values_[i],
                          .params = params_[i],
                          .saved = saved_[i],
                          .scratch = static_cast<std::byte*>(scratch_.get()),
                          .pool = pool_,
                          .seed = MixStream(seed, i)});
  }
}

void Executor::Backward(uint64_t seed) {
  for (size_t i = graph_.nodes.size(); i-- > 1;) {
    if (!trained_[i]) continue;
    prepared_[i].backward({.in = inputs_[i],
                           .out = values_[i],
                           .dout = gradients_[i],
                           .din = input_gradients_[i],
                           .accumulate = {accumulate_[i].get(), inputs_[i].size()},
                           .params = params_[i],
                           .dparams = param_gradients_[i],
                           .saved = saved_[i],
                           .scratch = static_cast<std::byte*>(scratch_.get()),
                           .pool = pool_,
                           .seed = MixStream(seed, i)});
  }
}

}  // namespace linnet
