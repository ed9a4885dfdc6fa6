// The runtime library: two threads that run one network at the same time and share its weights.
//
//   run MODEL [PACKED]      PACKED keeps the packed weights for the next start
#include <future>
#include <iostream>
#include <linnet/runtime.hpp>
#include <vector>

namespace {

// The answer to a grey picture.
std::vector<float> Answer(linnet::Net& net) {
  const std::vector<float> input(net.input_size(), 0.5f);
  net.Run(input.data());
  return {net.output(), net.output() + net.output_size()};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::cerr << "usage: run MODEL [PACKED]\n";
    return LINNET_NET_USAGE;
  }
  try {
    linnet_net_options options = {};
    options.threads = 1;
    options.packed = argc == 3 ? argv[2] : nullptr;
    linnet::Net net(argv[1], options);
    linnet::Net twin = net.Twin();
    std::future<std::vector<float>> later =
        std::async(std::launch::async, [&] { return Answer(twin); });
    const std::vector<float> one = Answer(net), other = later.get();
    const linnet_net_memory memory = net.memory();
    std::cout << (one == other ? "the same" : "different") << " answers; weights " << memory.weights
              << " bytes" << (memory.from_packed ? ", mapped" : "") << ", arena " << memory.arena
              << " of at least " << memory.arena_bound << "\n";
    return one == other ? 0 : 1;
  } catch (const linnet::NetFailure& failure) {
    std::cerr << failure.what() << "\n";
    return failure.code();
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return LINNET_NET_INTERNAL;
  }
}
