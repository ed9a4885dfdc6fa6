// ONNX Runtime as a worker of bench/peers: bench_peers_onnxruntime LIBRARY [THREADS]
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "onnxruntime.h"
#include "worker.h"

namespace linnet::peers {
namespace {

class OrtPeer : public Peer {
 public:
  OrtPeer(const std::string& library, const Network& network, int threads)
      : picture_(ReadFloats(network.picture)), session_(library, network.onnx, threads) {
    constexpr int64_t kChannels = 3;
    const auto pixels = static_cast<int64_t>(picture_.size()) / kChannels;
    const auto side = static_cast<int64_t>(std::lround(std::sqrt(pixels)));
    session_.SetInput(0, picture_.data(), {1, kChannels, side, pixels / side});
  }

  std::string name() const override { return "ONNX Runtime " + session_.version(); }
  void Run() override { session_.Run(); }
  std::vector<float> Output() override { return session_.Output(); }

 private:
  std::vector<float> picture_;
  OrtSession session_;
};

}  // namespace
}  // namespace linnet::peers

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s LIBONNXRUNTIME.SO [THREADS]\n", argv[0]);
    return 2;
  }
  const int threads = argc > 2 ? std::atoi(argv[2]) : 1;
  return linnet::peers::Serve([&](const linnet::peers::Network& network) {
    return std::make_unique<linnet::peers::OrtPeer>(argv[1], network, threads);
  });
}
