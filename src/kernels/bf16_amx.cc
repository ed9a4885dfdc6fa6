// Blocks of bfloat16 products by tile registers, or by their twin.
#include <hwy/detect_targets.h>

#include "kernels/bf16_kernels.h"

#if HWY_ARCH_X86_64
#include <xmmintrin.h>

#include <algorithm>

#include "kernels/amx_tiles.h"

namespace linnet::kernels {
namespace {

constexpr int64_t kTileNumbers = kBf16Tile * kBf16Step;  // a register

// Registers: 0 to 3 sums, 4 and 5 of A, 6 and 7 of B.
template <class Tiles, int kA, int kB>
struct Block {
  static void Zero() {
    Tiles::template Zero<0>();
    if constexpr (kB > 1) Tiles::template Zero<1>();
    if constexpr (kA > 1) Tiles::template Zero<2>();
    if constexpr (kA > 1 && kB > 1) Tiles::template Zero<3>();
  }
  static void LoadA(const Bf16BlockArgs& t, int64_t step, bool last, int64_t low) {
    LoadRows<4>(t.a[0], t.offsets[step] + low, last);
    if constexpr (kA > 1) LoadRows<5>(t.a[1], t.offsets[step] + low, last);
  }
  template <int kTile>
  static void LoadRows(const Bf16Rows& rows, int64_t offset, bool last) {
    if (last && rows.tail != nullptr) {
      Tiles::template Load<kTile>(rows.tail, 2 * kBf16Step);
    } else {
      Tiles::template Load<kTile>(rows.a + offset, 2 * rows.stride);
    }
  }
  static void LoadB(const bfloat16_t* b) {
    Tiles::template Load<6>(b, 2 * kBf16Step);
    if constexpr (kB > 1) Tiles::template Load<7>(b + kTileNumbers, 2 * kBf16Step);
  }
  static void Multiply() {
    Tiles::template DotBf16<0, 4, 6>();
    if constexpr (kB > 1) Tiles::template DotBf16<1, 4, 7>();
    if constexpr (kA > 1) Tiles::template DotBf16<2, 5, 6>();
    if constexpr (kA > 1 && kB > 1) Tiles::template DotBf16<3, 5, 7>();
  }
  static void Store(float* sums) {
    constexpr int64_t kRow = 4 * kBf16Block, kLower = kBf16Tile * kBf16Block;
    Tiles::template Store<0>(sums, kRow);
    if constexpr (kB > 1) Tiles::template Store<1>(sums + kBf16Tile, kRow);
    if constexpr (kA > 1) Tiles::template Store<2>(sums + kLower, kRow);
    if constexpr (kA > 1 && kB > 1) Tiles::template Store<3>(sums + kLower + kBf16Tile, kRow);
  }
};

// Asks for what comes next, spread over the steps, so that loads of this block are not held up.
struct Fetcher {
  const Bf16BlockArgs& t;
  int64_t each;
  explicit Fetcher(const Bf16BlockArgs& args)
      : t(args), each((args.next_lines + args.steps - 1) / args.steps) {}
  void Step(int64_t step) const {
    for (int64_t i = 0; i < each; ++i) {
      _mm_prefetch(reinterpret_cast<const char*>(t.next + (step * each + i) * kBf16Step),
                   _MM_HINT_T1);
    }
  }
};

template <class Tiles, int kA, int kB>
void RunBlock(const Bf16BlockArgs& t) {
  using B = Block<Tiles, kA, kB>;
  const Fetcher fetcher(t);
  B::Zero();
  const bfloat16_t* b = t.b;
  for (int64_t step = 0; step < t.steps; ++step, b += kB * kTileNumbers) {
    B::LoadA(t, step, step + 1 == t.steps, 0);
    B::LoadB(b);
    if (fetcher.each > 0) fetcher.Step(step);
    B::Multiply();
  }
  B::Store(t.sums);
}

// high high + high low + low high
template <class Tiles, int kA, int kB>
void RunSplitBlock(const Bf16BlockArgs& t) {
  using B = Block<Tiles, kA, kB>;
  const auto widen = [&t](int64_t step) {
    t.widen(kB * kTileNumbers, t.b + step * t.b_step, t.narrow + 2 * step * t.b_step,
            t.widened + step * t.b_low_step);
  };
  // Tiles cannot be loaded from the store buffer: low parts are made two steps earlier.
  constexpr int64_t kEarlier = 2;
  for (int64_t step = 0; t.narrow != nullptr && step < std::min(kEarlier, t.steps); ++step) {
    widen(step);
  }
  const Fetcher fetcher(t);
  B::Zero();
  const bfloat16_t* b = t.b;
  for (int64_t step = 0; step < t.steps; ++step, b += t.b_step) {
    if (t.narrow != nullptr && step + kEarlier < t.steps) widen(step + kEarlier);
    B::LoadA(t, step, false, 0);
    B::LoadB(t.b_low + step * t.b_low_step);
    if (fetcher.each > 0) fetcher.Step(step);
    B::Multiply();
    B::LoadB(b);
    B::Multiply();
    B::LoadA(t, step, false, t.a_low);
    B::Multiply();
  }
  B::Store(t.sums);
}

template <class Tiles>
void Product(const Bf16BlockArgs& t) {
  if (t.a[1].rows > 0) {
    t.cols > kBf16Tile ? RunBlock<Tiles, 2, 2>(t) : RunBlock<Tiles, 2, 1>(t);
  } else {
    t.cols > kBf16Tile ? RunBlock<Tiles, 1, 2>(t) : RunBlock<Tiles, 1, 1>(t);
  }
}

template <class Tiles>
void SplitProduct(const Bf16BlockArgs& t) {
  if (t.a[1].rows > 0) {
    t.cols > kBf16Tile ? RunSplitBlock<Tiles, 2, 2>(t) : RunSplitBlock<Tiles, 2, 1>(t);
  } else {
    t.cols > kBf16Tile ? RunSplitBlock<Tiles, 1, 2>(t) : RunSplitBlock<Tiles, 1, 1>(t);
  }
}

template <class Tiles>
Bf16Kernels MakeTable(const Bf16Kernels& base, const char* target) {
  Bf16Kernels table = base;
  table.target = target;
  table.product = Product<Tiles>;
  table.split_product = SplitProduct<Tiles>;
  table.begin = [] { Tiles::Begin(); };
  table.end = Tiles::End;
  return table;
}

}  // namespace

const Bf16Kernels* EmulatedBf16AmxKernels(const Bf16Kernels& base) {
  static Bf16Kernels table;  // of the base that was asked for last: tests
  table = MakeTable<EmulatedTiles>(base, "AMX_EMULATED");
  return &table;
}

const Bf16Kernels* Bf16AmxKernels(const Bf16Kernels& base) {
  static const Bf16Kernels table = MakeTable<AmxTiles>(base, "AMX");
  return &table;
}

}  // namespace linnet::kernels
#else
namespace linnet::kernels {
const Bf16Kernels* EmulatedBf16AmxKernels(const Bf16Kernels&) { return nullptr; }
const Bf16Kernels* Bf16AmxKernels(const Bf16Kernels&) { return nullptr; }
}  // namespace linnet::kernels
#endif
