// Depthwise correlation by tiles that walk along the rows: 3x3 and 5x5 of stride 1 and 2, without
// dilation.
//
// A tile is one vector of channels and R rows of outputs. It goes from the left end of the map to
// the right; at each step it loads the S next columns of its (R-1)*S + KH input rows, once, and
// multiplies them into the sums of all outputs that they belong to: R rows times J = ceil(KW/S)
// neighbouring columns. So an output costs ((R-1)*S + KH)*S / R loads, 1.5 for 3x3 of stride 1, and
// not the nine of its taps; and a line of the map comes into the first-level cache little more than
// once, in whatever set of it the line falls.
#if defined(LINNET_KERNELS_DEPTHWISE_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LINNET_KERNELS_DEPTHWISE_TILE_INL_H_
#undef LINNET_KERNELS_DEPTHWISE_TILE_INL_H_
#else
#define LINNET_KERNELS_DEPTHWISE_TILE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/activation-inl.h"
#include "kernels/depthwise-inl.h"
#include "kernels/depthwise_cut.h"
#include "kernels/inline_lambda.h"

HWY_BEFORE_NAMESPACE();
namespace linnet::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// How a map's numbers lie in memory: these, or bfloat16 (bf16_kernels-inl.h).
struct FloatNumbers {
  using T = float;
  template <bool kPart>
  static HWY_INLINE VF Load(const float* p, size_t n) {
    return LoadVector<kPart>(p, n);
  }
  template <bool kPart>
  static HWY_INLINE void Store(VF v, float* p, size_t n) {
    StoreVector<kPart>(v, p, n);
  }
  // Whether Load<true>(p, 0) is zeros, wherever p points: less code than a branch.
  static constexpr bool kLoadsNone = HWY_TARGET <= HWY_AVX3;
  // Of what is no clamp: this before the results are stored, or a whole row after it.
  static bool Activates(Activation) { return false; }
  static void Activate(Activation, VF*, int) {}
  // Whether the steps between the ends of a row have code of their own.
  static constexpr bool kInnerSteps = true;
  static HWY_INLINE void ActivatePixels(Activation act, float alpha, float* p, int64_t pixel,
                                        int64_t pixels, size_t n) {
    ActivateRows(act, alpha, pixels, n, [=](int64_t i) { return p + i * pixel; });
  }
};

template <class N>
struct TileColumns {
  using T = typename N::T;
  const T* x;  // input row 0 of the tile, column 0 of the map, the vector's first channel
  int64_t x_pixel, x_row;  // numbers to the next column, to the next row
  int64_t in_w, out_w;
  int64_t pad_left;
  int first, last;  // input rows of the tile that the map has
  const float* w;   // tap 0; the others follow kDepthwiseLanes apart
  int64_t lane;     // where the vector's first channel lies in its kDepthwiseLanes
  int64_t w_block;  // floats to the next kDepthwiseLanes channels
  const float* bias;
  const T* residual;
  int64_t residual_pixel, residual_row;
  const float* bounds;
  Activation act;
  T* y;
  int64_t y_pixel, y_row;
  size_t channels;  // of the vector that exist
};

// What a tile meets. The borders of a map that is padded by half a kernel, as most are, have code
// of their own, which leaves the rows out that do not exist; small maps have hardly anything else.
enum class Tile {
  kWhole,   // all its input rows, a whole vector of channels, no residual
  kTop,     // the same without the first K / 2 rows,
  kBottom,  // or the last
  kAny,
};
// Whether row i of the 'rows' is known to lie outside of the map.
template <Tile kTile, int K>
constexpr bool Outside(int i, int rows) {
  return (kTile == Tile::kTop && i < K / 2) || (kTile == Tile::kBottom && i >= rows - K / 2);
}

template <Tile kTile, int K, int kRows, class N>
HWY_INLINE void LoadColumn(const TileColumns<N>& t, const typename N::T* HWY_RESTRICT x,
                           VF (&in)[kRows]) {
  Unroll<kRows>([&](auto i) LINNET_LAMBDA {
    if constexpr (Outside<kTile, K>(i(), kRows)) return;
    constexpr bool kPart = kTile == Tile::kAny;
    const bool outside = kPart && (i() < t.first || i() >= t.last);
    if (outside && !N::kLoadsNone) {
      in[i()] = hn::Zero(DF());
    } else {
      const size_t n = outside ? 0 : t.channels;
      in[i()] = InRegister(N::template Load<kPart>(x + i() * t.x_row, n));
    }
  });
}

// sums += the column's products with tap column kX.
template <Tile kTile, int K, int S, int R, int kX>
HWY_INLINE void AddColumn(const VF (&in)[(R - 1) * S + K], const float* HWY_RESTRICT taps,
                          VF (&sums)[R]) {
  if constexpr (kX < K) {
    Unroll<K>([&](auto ky) LINNET_LAMBDA {
      const VF w = hn::LoadU(DF(), taps + (ky() * K + kX) * kDepthwiseLanes);
      Unroll<R>([&](auto r) LINNET_LAMBDA {
        constexpr int kRow = r() * S + ky();
        if constexpr (!Outside<kTile, K>(kRow, (R - 1) * S + K)) {
          sums[r()] = hn::MulAdd(in[kRow], w, sums[r()]);
        }
      });
    });
  }
}

// The finished sums of column 'ox' of the outputs.
template <Tile kTile, int R, class N>
HWY_INLINE void StoreColumn(const TileColumns<N>& t, int64_t ox, const VF (&sums)[R]) {
  constexpr bool kPart = kTile == Tile::kAny;
  VF y[R];
  Unroll<R>([&](auto r) LINNET_LAMBDA {
    y[r()] = sums[r()];
    if (kTile == Tile::kAny && t.residual != nullptr) {
      const auto* residual = t.residual + ox * t.residual_pixel + r() * t.residual_row;
      y[r()] = hn::Add(y[r()], N::template Load<kPart>(residual, t.channels));
    }
  });
  if (N::Activates(t.act)) {
    VF in_memory[R];
    Unroll<R>([&](auto r) LINNET_LAMBDA { in_memory[r()] = y[r()]; });
    N::Activate(t.act, in_memory, R);
    Unroll<R>([&](auto r) LINNET_LAMBDA { y[r()] = in_memory[r()]; });
  }
  const VF low = hn::Set(DF(), t.bounds[0]), high = hn::Set(DF(), t.bounds[1]);
  Unroll<R>([&](auto r) LINNET_LAMBDA {
    N::template Store<kPart>(AtMost(AtLeast(y[r()], low), high),
                             t.y + ox * t.y_pixel + r() * t.y_row, t.channels);
  });
}

// The S columns of inputs from 'ix' on, of which the first finishes column 'ox' of the outputs. The
// sums of J neighbouring columns of outputs are in registers, those of slot J-1 the leftmost. A
// column of inputs first finishes that one, whose registers are then free for the column that
// begins: sixteen of them are just enough for tiles of three rows.
//
// kEdge: columns may lie outside of the map, 'ox' may not exist, or may be the last. Asking for
// that at every step took a fifth of the instructions, which is what small maps wait for.
template <bool kEdge, Tile kTile, int K, int S, int R, int J, class N>
HWY_INLINE void Step(const TileColumns<N>& t, int64_t ix, int64_t ox, VF bias, VF (&sums)[J][R]) {
  Unroll<S>([&](auto s) LINNET_LAMBDA {
    const int64_t column = ix + s();
    const bool inside = !kEdge || (column >= 0 && column < t.in_w);
    VF in[(R - 1) * S + K];
    if (inside) LoadColumn<kTile, K>(t, t.x + column * t.x_pixel, in);
    if constexpr (s() == 0) {
      if (!kEdge || ox >= 0) {
        if (inside) AddColumn<kTile, K, S, R, K - 1>(in, t.w, sums[J - 1]);
        StoreColumn<kTile>(t, ox, sums[J - 1]);
      }
    }
    if (!inside || (kEdge && ox == t.out_w - 1)) return;
    Unroll<J - 1>([&](auto j) LINNET_LAMBDA {
      constexpr int kSlot = J - 2 - j();
      AddColumn<kTile, K, S, R, s() + kSlot * S>(in, t.w, sums[kSlot]);
    });
  });
  Unroll<J - 1>([&](auto j) LINNET_LAMBDA {
    Unroll<R>([&](auto r) LINNET_LAMBDA { sums[J - 1 - j()][r()] = sums[J - 2 - j()][r()]; });
  });
  Unroll<R>([&](auto r) LINNET_LAMBDA { sums[0][r()] = bias; });
}

template <class N>
HWY_INLINE void NextVector(TileColumns<N>& t) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(DF()));
  t.x += lanes;
  t.y += lanes;
  t.lane += lanes;
  t.w += t.lane % kDepthwiseLanes == 0 ? t.w_block - kDepthwiseLanes + lanes : lanes;
  if (t.bias != nullptr) t.bias += lanes;
  if (t.residual != nullptr) t.residual += lanes;
}

// The columns [begin, end) of outputs that are finished by columns which all exist.
struct FinishedInside {
  int64_t begin, end;
};
template <int S, int J, class N>
FinishedInside FinishedInsideOf(const TileColumns<N>& t) {
  return {std::max<int64_t>((t.pad_left + S - 1) / S - (J - 1), 0),
          std::min((t.in_w + t.pad_left) / S - (J - 1), t.out_w - 1)};
}

// One vector of channels after the other, each from the left end of the map to the right.
template <class N, int K, int S, int R, Tile kTile>
void WalkColumns(const TileColumns<N>& tile, int64_t vectors) {
  TileColumns<N> t = tile;  // a copy, which no store to y can change
  constexpr int J = (K + S - 1) / S;
  static_assert((J - 1) * S == K - 1, "the first of the S columns finishes a column of outputs");
  constexpr bool kPart = kTile == Tile::kAny;
  const FinishedInside inside = FinishedInsideOf<S, J>(t);
  for (int64_t v = 0; v < vectors; ++v) {
    const VF bias = t.bias == nullptr ? hn::Zero(DF()) : LoadVector<kPart>(t.bias, t.channels);
    VF sums[J][R];
    Unroll<J>([&](auto j) LINNET_LAMBDA {
      Unroll<R>([&](auto r) LINNET_LAMBDA { sums[j()][r()] = bias; });
    });
    int64_t ix = -t.pad_left;
    for (int64_t ox = 1 - J; ox < t.out_w; ++ox, ix += S) {
      if (N::kInnerSteps && kTile != Tile::kAny && ox == inside.begin) {
        for (; ox < inside.end; ++ox, ix += S) Step<false, kTile, K, S>(t, ix, ox, bias, sums);
      }
      Step<true, kTile, K, S>(t, ix, ox, bias, sums);
    }
    NextVector(t);
  }
}

// Channels of which WalkAcross keeps begun sums, 1.5 KB of them.
inline constexpr int64_t kAcrossChannels = 128;

// A step of all vectors, then the next step: at most kAcrossChannels. The map is read in the order
// in which it lies, as the prefetcher likes it, and a line once where WalkColumns takes its halves
// one walk after the other (WalkOverflows); but the sums of columns that are begun wait in memory.
// At stride 2 these are half of a step's sums, at stride 1 two thirds, which costs more than it
// gives.
template <class N, int K, int S, int R, Tile kTile>
void WalkAcross(const TileColumns<N>& tile, int64_t vectors) {
  static_assert(kTile != Tile::kAny, "whole vectors");
  constexpr int J = (K + S - 1) / S, kBegun = (J - 1) * R;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(DF()));
  HWY_ALIGN float begun[kAcrossChannels * kBegun];
  for (int64_t v = 0; v < vectors; ++v) {
    const VF bias = tile.bias == nullptr ? hn::Zero(DF()) : hn::LoadU(DF(), tile.bias + v * lanes);
    for (int i = 0; i < kBegun; ++i) hn::Store(bias, DF(), begun + (v * kBegun + i) * lanes);
  }
  const FinishedInside inside = FinishedInsideOf<S, J>(tile);
  const auto step = [&](auto edge, int64_t ox) LINNET_LAMBDA {
    TileColumns<N> t = tile;
    float* HWY_RESTRICT waiting = begun;
    for (int64_t v = 0; v < vectors; ++v, waiting += kBegun * lanes) {
      const VF bias = t.bias == nullptr ? hn::Zero(DF()) : hn::LoadU(DF(), t.bias);
      VF sums[J][R];
      Unroll<R>([&](auto r) LINNET_LAMBDA {
        sums[0][r()] = bias;
        Unroll<J - 1>([&](auto j) LINNET_LAMBDA {
          sums[j() + 1][r()] = hn::Load(DF(), waiting + (j() * R + r()) * lanes);
        });
      });
      Step<edge(), kTile, K, S>(t, (ox + J - 1) * S - t.pad_left, ox, bias, sums);
      Unroll<R>([&](auto r) LINNET_LAMBDA {
        Unroll<J - 1>([&](auto j) LINNET_LAMBDA {
          hn::Store(sums[j() + 1][r()], DF(), waiting + (j() * R + r()) * lanes);
        });
      });
      NextVector(t);
    }
  };
  for (int64_t ox = 1 - J; ox < tile.out_w; ++ox) {
    if (ox >= inside.begin && ox < inside.end) {
      step(std::false_type(), ox);
    } else {
      step(std::true_type(), ox);
    }
  }
}

template <class N>
struct WalkFns {
  void (*of[4])(const TileColumns<N>&, int64_t vectors);  // by Tile
};
// At stride 2 the last row of outputs of a map of even height, as most are, has all its inputs or
// misses some that are not half a kernel.
template <class N, int K, int S, int R>
inline constexpr WalkFns<N> kWalksOf = {
    {WalkColumns<N, K, S, R, Tile::kWhole>, WalkColumns<N, K, S, R, Tile::kTop>,
     WalkColumns<N, K, S, R, S == 1 ? Tile::kBottom : Tile::kAny>,
     WalkColumns<N, K, S, R, Tile::kAny>}};
// Tiles of fewer rows than one less than the most are for maps of hardly any rows. One row at a
// time, in one kind of tile, will do there, and is less code.
template <class N, int K, int S>
inline constexpr WalkFns<N> kWalksOf<N, K, S, 1> = {
    {WalkColumns<N, K, S, 1, Tile::kAny>, WalkColumns<N, K, S, 1, Tile::kAny>,
     WalkColumns<N, K, S, 1, Tile::kAny>, WalkColumns<N, K, S, 1, Tile::kAny>}};
constexpr int64_t RowsOfTile(int64_t left) {
  // Dealt out evenly: 4 + 3 and not 4 + 4 - 1.
  const int64_t tiles = (left + kTileRows - 1) / kTileRows;
  const int64_t rows = (left + tiles - 1) / tiles;
  return rows + 1 < kTileRows ? 1 : rows;
}

template <class N, int K, int S>
const WalkFns<N>& WalksOf(int64_t rows) {
  if (rows == kTileRows) return kWalksOf<N, K, S, kTileRows>;
  return rows == 1 ? kWalksOf<N, K, S, 1> : kWalksOf<N, K, S, kTileRows - 1>;
}
template <class N>
const WalkFns<N>& WalksFor(int kernel, int stride, int64_t rows) {
  if constexpr (kTileKernel == 5) {
    if (kernel == 5) return stride == 1 ? WalksOf<N, 5, 1>(rows) : WalksOf<N, 5, 2>(rows);
  }
  return stride == 1 ? WalksOf<N, 3, 1>(rows) : WalksOf<N, 3, 2>(rows);
}

// Whether there are lines that two vectors share, as a walk across them does.
template <class N>
inline constexpr bool kAcross = N::kInnerSteps&& hn::MaxLanes(DF()) < kDepthwiseLanes;

// The taps before 'last', which then follow each other.
inline const float* Reversed(const float* last, int taps, float* to) {
  for (int i = 0; i < taps; ++i) {
    hn::StoreU(hn::LoadU(DF(), last - i * kDepthwiseLanes), DF(), to + i * kDepthwiseLanes);
  }
  return to;
}

// Output rows [oy0, oy1) of one image, channels [c0, c1).
template <class N>
void WalkRows(const Correlation& a, const typename N::T* src, typename N::T* dst,
              const typename N::T* residual, int64_t oy0, int64_t oy1, int64_t c0, int64_t c1) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(DF()));
  HWY_ALIGN float reversed[kTileKernel * kTileKernel * kDepthwiseLanes];
  TileColumns<N> t;
  t.x_pixel = a.x_pixel;
  t.y_pixel = a.y_pixel;
  t.x_row = a.in_w * a.x_pixel;
  t.y_row = a.out_w * a.y_pixel;
  t.in_w = a.in_w;
  t.out_w = a.out_w;
  t.pad_left = a.pad_left;
  t.residual_pixel = a.epilogue.residual_stride;
  t.residual_row = a.out_w * t.residual_pixel;
  t.bounds = a.bounds;
  t.act = a.epilogue.act;
  t.w_block = a.block;
  for (int64_t oy = oy0; oy < oy1;) {
    const int64_t rows = RowsOfTile(oy1 - oy);
    const WalkFns<N>& walks = WalksFor<N>(a.kernel_w, a.stride_w, rows);
    const bool across = kAcross<N> && a.kernel_w == 3 && a.stride_w == 2 && rows == kTileRows &&
                        WalkOverflows(a, (rows - 1) * a.stride_h + a.kernel_h);
    const int64_t iy = oy * a.stride_h - a.pad_top;
    const int64_t in_rows = (rows - 1) * a.stride_h + a.kernel_h;
    t.first = static_cast<int>(std::clamp<int64_t>(-iy, 0, in_rows));
    t.last = static_cast<int>(std::clamp<int64_t>(a.in_h - iy, 0, in_rows));
    const int half = a.kernel_h / 2, last = static_cast<int>(in_rows);
    const Tile rows_met = residual != nullptr                     ? Tile::kAny
                          : t.first == 0 && t.last == last        ? Tile::kWhole
                          : t.first == half && t.last == last     ? Tile::kTop
                          : t.first == 0 && t.last == last - half ? Tile::kBottom
                                                                  : Tile::kAny;
    for (int64_t c = c0; c < c1;) {
      const int64_t whole = (c1 - c) / lanes;
      // Taps in reverse order are copied, those of one vector at a time.
      int64_t vectors = a.tap < 0 || whole == 0 ? 1 : whole;
      t.channels = static_cast<size_t>(std::min(lanes, c1 - c));
      t.x = src + iy * t.x_row + c;
      t.y = dst + oy * t.y_row + c;
      t.w = a.weights + DepthwiseTaps(c, a.block);
      t.lane = c % kDepthwiseLanes;
      if (a.tap < 0) t.w = Reversed(t.w, a.kernel_h * a.kernel_w, reversed);
      t.bias = a.epilogue.bias == nullptr ? nullptr : a.epilogue.bias + c;
      t.residual = residual == nullptr ? nullptr : residual + oy * t.residual_row + c;
      const Tile tile = t.channels < hn::Lanes(DF()) ? Tile::kAny : rows_met;
      if (across && tile == Tile::kWhole) {
        vectors = std::min(vectors, kAcrossChannels / lanes);
        WalkAcross<N, 3, 2, kTileRows, Tile::kWhole>(t, vectors);
      } else {
        walks.of[static_cast<int>(tile)](t, vectors);
      }
      c += vectors * lanes;
    }
    if (a.activate_after) {
      N::ActivatePixels(a.epilogue.act, a.epilogue.alpha, dst + oy * t.y_row + c0, a.y_pixel,
                        rows * a.out_w, static_cast<size_t>(c1 - c0));
    }
    oy += rows;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace linnet::kernels
HWY_AFTER_NAMESPACE();

#endif  // LINNET_KERNELS_DEPTHWISE_TILE_INL_H_
