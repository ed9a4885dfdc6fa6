// Linnet as a worker of bench/peers: bench_peers_linnet [THREADS [PRECISION]]
#include <cstdio>
#include <cstdlib>

#include "archs/arch.h"
#include "compress/quantize.h"
#include "infer/latency.h"
#include "infer/plan.h"
#include "kernels/machine.h"
#include "ranges.h"
#include "worker.h"

namespace linnet::peers {
namespace {

linnet::Network Quantized(const linnet::Network& network, const std::vector<float>& picture) {
  const linnet::Network prepared = PrepareForQuantization(network.graph, network.params);
  return Quantize(prepared, ObserveOn(prepared, picture), {.calibration = Calibration::kMinMax});
}

class LinnetPeer : public Peer {
 public:
  LinnetPeer(const Network& asked, int threads, Precision precision) : pool_(threads) {
    linnet::Network network;
    network.graph = BuildArch(ParseArchSpec(asked.arch));
    network.params = InitParams(network.graph, kSeed);
    if (precision == Precision::kInt8) {
      network = Quantized(network, ReadFloats(asked.picture));
      precision = Precision::kFloat32;  // of what is not of bytes
    }
    plan_ = Compile(network.graph, network.params, {.threads = threads, .precision = precision});
    picture_ = ToHwc(ReadFloats(asked.picture), plan_->input_shape().c());
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
  auto precision = linnet::Precision::kFloat32;
  if (argc > 2 && !linnet::FieldFromText(argv[2], precision)) {
    std::fprintf(stderr, "bench_peers_linnet: precision %s is unknown\n", argv[2]);
    return 2;
  }
  return linnet::peers::Serve([&](const linnet::peers::Network& network) {
    return std::make_unique<linnet::peers::LinnetPeer>(network, threads, precision);
  });
}
