// Linnet as a worker of bench/peers: bench_peers_linnet [THREADS]
#include <cstdlib>

#include "archs/arch.h"
#include "infer/latency.h"
#include "infer/plan.h"
#include "kernels/machine.h"
#include "worker.h"

namespace linnet::peers {
namespace {

constexpr uint64_t kSeed = 1;  // of the weights, as `linnet convert` has it

class LinnetPeer : public Peer {
 public:
  LinnetPeer(const Network& network, int threads) : pool_(threads) {
    const Graph graph = BuildArch(ParseArchSpec(network.arch));
    plan_ = Compile(graph, InitParams(graph, kSeed), {.threads = threads});
    picture_ = ToHwc(ReadFloats(network.picture), plan_->input_shape().c());
    if (static_cast<int64_t>(picture_.size()) != plan_->input_shape().elements()) {
      throw std::runtime_error("the picture is not " + plan_->input_shape().ToString());
    }
  }

  std::string name() const override { return "Linnet"; }
  void Run() override { plan_->Run(picture_.data(), {}, &pool_); }
  std::vector<float> Output() override {
    const Tensor& output = plan_->output(0);
    return {output.data(), output.data() + output.elements()};
  }
  std::pair<double, double> Limit() override {
    const kernels::Machine machine = kernels::MeasureMachine(&pool_);
    return {machine.PeakGmacs(), LimitMs(*plan_, machine)};
  }

 private:
  ThreadPool pool_;
  std::unique_ptr<Plan> plan_;
  std::vector<float> picture_;
};

}  // namespace
}  // namespace linnet::peers

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  return linnet::peers::Serve([&](const linnet::peers::Network& network) {
    return std::make_unique<linnet::peers::LinnetPeer>(network, threads);
  });
}
