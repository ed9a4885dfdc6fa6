#include "worker.h"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace linnet::peers {
namespace {

void RunTimed(Peer& peer, int runs, std::ostream& answer) {
  using Clock = std::chrono::steady_clock;
  for (int i = 0; i < runs; ++i) {
    const Clock::time_point start = Clock::now();
    peer.Run();
    const auto took = Clock::now() - start;
    answer << std::chrono::duration_cast<std::chrono::nanoseconds>(took).count() << ' ';
  }
}

std::string Obey(const std::string& line, std::unique_ptr<Peer>& peer,
                 const std::function<std::unique_ptr<Peer>(const Network&)>& load) {
  std::istringstream words(line);
  std::ostringstream answer;
  answer.precision(9);
  std::string verb;
  words >> verb;
  if (verb == "load") {
    Network network;
    words >> std::ws;
    std::getline(words, network.arch, '\t');
    std::getline(words, network.onnx, '\t');
    std::getline(words, network.picture, '\t');
    peer.reset();
    peer = load(network);
    answer << "ok " << peer->name();
  } else if (peer == nullptr) {
    throw std::runtime_error("nothing is loaded");
  } else if (verb == "run") {
    int runs = 0;
    words >> runs;
    RunTimed(*peer, runs, answer);
  } else if (verb == "output") {
    for (const float x : peer->Output()) answer << x << ' ';
  } else if (verb == "limit") {
    const auto [peak, milliseconds] = peer->Limit();
    answer << peak << ' ' << milliseconds;
  } else {
    throw std::runtime_error("there are load, run, output, limit; not '" + verb + "'");
  }
  return answer.str();
}

}  // namespace

std::vector<float> ReadFloats(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file || bytes.empty()) throw std::runtime_error(path + ": cannot be read");
  std::vector<float> numbers(bytes.size() / sizeof(float));
  std::copy_n(bytes.data(), numbers.size() * sizeof(float),
              reinterpret_cast<char*>(numbers.data()));
  return numbers;
}

std::vector<float> ToHwc(const std::vector<float>& chw, int64_t channels) {
  std::vector<float> hwc(chw.size());
  const int64_t pixels = static_cast<int64_t>(chw.size()) / channels;
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t i = 0; i < pixels; ++i) hwc[i * channels + c] = chw[c * pixels + i];
  }
  return hwc;
}

int Serve(const std::function<std::unique_ptr<Peer>(const Network&)>& load) {
  std::unique_ptr<Peer> peer;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::string answer;
    try {
      answer = Obey(line, peer, load);
    } catch (const std::exception& error) {
      answer = std::string("error ") + error.what();
    }
    std::cout << answer << std::endl;
  }
  return 0;
}

}  // namespace linnet::peers
