// The int8 loops in vectors, for one target. Included within the target's namespace, once with
// LINNET_INT8_DOT 0 (int8_kernels.cc) and once with 1 (int8_dot.cc), where the target has an
// instruction that adds four products of bytes to each int32:
//   AVX-512 VNNI and AVX-VNNI   vpdpbusd, uint8 times int8
//   NEON with dotprod           sdot, int8 times int8: activations are taken less 128
// Without it, bytes are widened to int16 and multiplied in pairs (pmaddwd), which is exact;
// pmaddubsw, which is shorter, saturates.
//
// Size of a tile (rows x vectors of sums), as in matmul_kernels.cc: 6 x 4 where there are 32
// registers. Where there are 16: 3 x 4 with a dot product, else 2 x 4.
namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::ScalableTag<int32_t>;
using D16 = hn::ScalableTag<int16_t>;
using D8 = hn::ScalableTag<uint8_t>;
using DF = hn::ScalableTag<float>;
using V32 = hn::Vec<D32>;
using V16 = hn::Vec<D16>;
using V8 = hn::Vec<D8>;
constexpr int kLanes = HWY_LANES(int32_t);
constexpr int kAllVectors = Int8Kernels::kVectors;
constexpr int kPanel = kAllVectors * kLanes;

#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kRows[] = {0, 12, 12, 8, 6};
#elif LINNET_INT8_DOT
constexpr int kRows[] = {0, 8, 6, 4, 3};
#else
constexpr int kRows[] = {0, 6, 4, 2, 2};
#endif

// Loops over a tile must vanish, so that the sums live in registers.
#define LINNET_UNROLL HWY_UNROLL(16)

// ---- products ----

#if LINNET_INT8_DOT
using Factors = V8;  // activations or weights: what Dot takes
#if HWY_ARCH_ARM_A64
constexpr int kOffset = 128;
HWY_INLINE Factors Activations(V8 a) { return hn::Xor(a, hn::Set(D8(), 0x80)); }
HWY_INLINE V32 Dot(V32 sum, Factors a, Factors b) {
  return V32(vdotq_s32(sum.raw, vreinterpretq_s8_u8(a.raw), vreinterpretq_s8_u8(b.raw)));
}
#else
constexpr int kOffset = 0;
HWY_INLINE Factors Activations(V8 a) { return a; }
// In assembler: it adds in place, and from the intrinsic GCC makes copies of the sums and spills
// them, which halves the speed of a tile.
HWY_INLINE V32 Dot(V32 sum, Factors a, Factors b) {
#if HWY_TARGET <= HWY_AVX3
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
#else
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum.raw) : "x"(a.raw), "x"(b.raw));
#endif
  return sum;
}
#endif
HWY_INLINE Factors Weights(V8 b) { return b; }
#else
constexpr int kOffset = 0;
// The bytes 0 and 2, and 1 and 3, of each group of four.
struct Factors {
  HWY_INLINE Factors() {}  // said, or GCC makes it for another target
  HWY_INLINE Factors(V16 e, V16 o) : even(e), odd(o) {}
  V16 even, odd;
};
HWY_INLINE Factors Activations(V8 a) {
  const hn::RebindToUnsigned<D16> du;
  const auto pairs = hn::BitCast(du, a);
  return {hn::BitCast(D16(), hn::And(pairs, hn::Set(du, 0xff))),
          hn::BitCast(D16(), hn::ShiftRight<8>(pairs))};
}
HWY_INLINE Factors Weights(V8 b) {
  const V16 pairs = hn::BitCast(D16(), b);
  return {hn::ShiftRight<8>(hn::ShiftLeft<8>(pairs)), hn::ShiftRight<8>(pairs)};
}
HWY_INLINE V32 AddPairs(V32 sum, V16 a, V16 b) {
#if HWY_ARCH_ARM_A64
  const int32x4_t low = vmull_s16(vget_low_s16(a.raw), vget_low_s16(b.raw));
  return hn::Add(sum, V32(vpaddq_s32(low, vmull_high_s16(a.raw, b.raw))));
#elif HWY_TARGET <= HWY_AVX3
  return hn::Add(sum, V32{_mm512_madd_epi16(a.raw, b.raw)});
#elif HWY_TARGET == HWY_AVX2
  return hn::Add(sum, V32{_mm256_madd_epi16(a.raw, b.raw)});
#else
  return hn::Add(sum, V32{_mm_madd_epi16(a.raw, b.raw)});
#endif
}
HWY_INLINE V32 Dot(V32 sum, const Factors& a, const Factors& b) {
  return AddPairs(AddPairs(sum, a.even, b.even), a.odd, b.odd);
}
#endif

// ---- bytes in memory ----

// p[0, n) in the first bytes; nothing past them is read. 0 < n <= kPanel.
HWY_INLINE V8 LoadBytes(const uint8_t* HWY_RESTRICT p, int64_t n) {
  const D8 d;
  if (n == kPanel) return hn::LoadU(d, p);
#if HWY_TARGET <= HWY_AVX3
  return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(n)), d, p);
#else
  HWY_ALIGN uint8_t buffer[kPanel] = {};
  std::memcpy(buffer, p, static_cast<size_t>(n));
  return hn::Load(d, buffer);
#endif
}
HWY_INLINE void StoreBytes(V8 v, int64_t n, uint8_t* HWY_RESTRICT p) {
  const D8 d;
  if (n == kPanel) return hn::StoreU(v, d, p);
#if HWY_TARGET <= HWY_AVX3
  // No wider than need be: a masked store that leaves its cache line is slow, even where only what
  // the mask leaves out lies behind it.
  const hn::Half<D8> half;
  const hn::Half<hn::Half<D8>> quarter;
  if (n == kPanel / 4) {
    hn::StoreU(hn::LowerHalf(quarter, hn::LowerHalf(half, v)), quarter, p);
  } else if (n <= kPanel / 2) {
    const auto lower = hn::LowerHalf(half, v);
    if (n == kPanel / 2) return hn::StoreU(lower, half, p);
    hn::BlendedStore(lower, hn::FirstN(half, static_cast<size_t>(n)), half, p);
  } else {
    hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(n)), d, p);
  }
#else
  HWY_ALIGN uint8_t buffer[kPanel];
  hn::Store(v, d, buffer);
  std::memcpy(p, buffer, static_cast<size_t>(n));
#endif
}

// The same for half a vector; 0 < n <= kPanel / 2.
using D8Half = hn::Half<D8>;
using V8Half = hn::Vec<D8Half>;
HWY_INLINE V8Half LoadHalf(const uint8_t* HWY_RESTRICT p, int64_t n) {
  const D8Half d;
  if (n == kPanel / 2) return hn::LoadU(d, p);
  HWY_ALIGN uint8_t buffer[kPanel / 2] = {};
  std::memcpy(buffer, p, static_cast<size_t>(n));
  return hn::Load(d, buffer);
}
HWY_INLINE void StoreHalf(V8Half v, int64_t n, uint8_t* HWY_RESTRICT p) {
  const D8Half d;
  if (n == kPanel / 2) return hn::StoreU(v, d, p);
#if HWY_TARGET <= HWY_AVX3
  hn::BlendedStore(v, hn::FirstN(d, static_cast<size_t>(n)), d, p);
#else
  HWY_ALIGN uint8_t buffer[kPanel / 2];
  hn::Store(v, d, buffer);
  std::memcpy(p, buffer, static_cast<size_t>(n));
#endif
}

// Groups of four bytes: group to[i] <- from[index[i]].
HWY_INLINE V8 MoveQuads(V8 v, const int32_t (&index)[kLanes]) {
  if constexpr (kLanes == 4) return v;
  const D32 d;
  return hn::BitCast(D8(), hn::TableLookupLanes(hn::BitCast(d, v), hn::SetTableIndices(d, index)));
}
// The bytes of 'kNV' vectors of sums lie in the first 4 kNV bytes of each block of 16; put
// together, they are in the order of channels. Expand is the way back.
struct QuadOrder {
  int32_t compact[kAllVectors + 1][kLanes] = {}, expand[kAllVectors + 1][kLanes] = {};
  int32_t transpose[kLanes] = {};  // from [block][vector] to [vector][block]
};
constexpr QuadOrder MakeQuadOrder() {
  QuadOrder order;
  for (int vectors = 1; vectors <= kAllVectors; ++vectors) {
    for (int i = 0; i < kLanes; ++i) {
      const int block = i / 4, vector = i % 4;
      if (vector >= vectors) continue;
      order.compact[vectors][block * vectors + vector] = i;
      order.expand[vectors][i] = block * vectors + vector;
    }
  }
  for (int i = 0; i < kLanes; ++i) order.transpose[i % 4 * (kLanes / 4) + i / 4] = i;
  return order;
}
constexpr QuadOrder kQuadOrder = MakeQuadOrder();

// Unsigned saturation; within blocks, as ReorderDemote2To.
HWY_INLINE V8 PackToBytes(V16 a, V16 b) {
#if HWY_ARCH_ARM_A64
  return V8(vcombine_u8(vqmovun_s16(a.raw), vqmovun_s16(b.raw)));
#elif HWY_TARGET <= HWY_AVX3
  return V8{_mm512_packus_epi16(a.raw, b.raw)};
#elif HWY_TARGET == HWY_AVX2
  return V8{_mm256_packus_epi16(a.raw, b.raw)};
#else
  return V8{_mm_packus_epi16(a.raw, b.raw)};
#endif
}

// ---- the rule of int8_requantize.h ----

struct ToByte {
  explicit HWY_INLINE ToByte(const Int8Output& output)
      : zero64(hn::Set(D16(), static_cast<int16_t>(output.zero64))),
        low(hn::Set(D8(), static_cast<uint8_t>(output.low))),
        high(hn::Set(D8(), static_cast<uint8_t>(output.high))) {}

  // From 64ths of steps.
  HWY_INLINE V8 operator()(V16 u0, V16 u1) const {
    const V16 y0 = hn::ShiftRight<kFractionBits>(hn::SaturatedAdd(u0, zero64));
    const V16 y1 = hn::ShiftRight<kFractionBits>(hn::SaturatedAdd(u1, zero64));
    return hn::Min(hn::Max(PackToBytes(y0, y1), low), high);
  }

  V16 zero64;
  V8 low, high;
};

HWY_INLINE V16 Term64(V16 q, V16 zero, V16 multiplier, int doublings) {
  V16 u = hn::MulFixedPoint15(hn::ShiftLeft<7>(hn::Sub(q, zero)), multiplier);
  for (int i = 0; i < doublings; ++i) u = hn::SaturatedAdd(u, u);
  return u;
}
// Of the low and the high eight bytes of each block.
struct Terms {
  V16 low, high;
};
HWY_INLINE Terms Widen(V8 q) {
  const D8 d;
  const V8 none = hn::Zero(d);
  return {hn::BitCast(D16(), hn::InterleaveLower(d, q, none)),
          hn::BitCast(D16(), hn::InterleaveUpper(d, q, none))};
}
HWY_INLINE Terms ToTerms(V8 q, const ByteTerm& term) {
  const D16 d;
  const Terms wide = Widen(q);
  const V16 zero = hn::Set(d, static_cast<int16_t>(term.zero));
  const V16 multiplier = hn::Set(d, static_cast<int16_t>(term.multiplier));
  return {Term64(wide.low, zero, multiplier, term.doublings),
          Term64(wide.high, zero, multiplier, term.doublings)};
}

// A sum that is worth more than 1/64 of a step: a saturating shift to the left. Rare.
HWY_INLINE V32 ShiftLeftSaturated(V32 sum, V32 left) {
  const V32 limit = hn::Set(D32(), INT32_MAX) >> left;
  return hn::Min(hn::Max(sum, hn::Not(limit)), limit) << left;
}

// The sums of a pixel's panel to bytes.
template <int kNV>
struct PanelOutput {
  HWY_INLINE PanelOutput(const Int8Channels& c, const Int8Output& o)
      : left(c.left), term(o.residual), to_byte(o) {
    const D32 d;
    LINNET_UNROLL
    for (int j = 0; j < kNV; ++j) shift[j] = hn::Load(d, c.shift + j * kLanes);
    LINNET_UNROLL
    for (int j = 0; j < kNV; j += 2) {
      multiplier[j / 2] = hn::Load(D16(), c.multiplier + j * kLanes);
    }
  }

  HWY_INLINE void Store(V32 (&sum)[kNV], const uint8_t* HWY_RESTRICT residual, int64_t cols,
                        uint8_t* HWY_RESTRICT dst) const {
    V8 y = Bytes(sum, residual, cols);
    if constexpr (kNV < kAllVectors) y = MoveQuads(y, kQuadOrder.compact[kNV]);
    StoreBytes(y, cols, dst);
  }
  // The lower and the upper half of the bytes.
  HWY_INLINE void StoreTwice(V32 (&sum)[kNV], int64_t cols, uint8_t* HWY_RESTRICT dst,
                             int64_t second) const {
    const V8 y = Bytes(sum, nullptr, cols);
    StoreHalf(hn::LowerHalf(D8Half(), y), cols, dst);
    StoreHalf(hn::UpperHalf(D8Half(), y), cols, dst + second);
  }

  HWY_INLINE V8 Bytes(V32 (&sum)[kNV], const uint8_t* HWY_RESTRICT residual, int64_t cols) const {
    const D32 d;
    if (HWY_UNLIKELY(left != nullptr)) {
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) {
        sum[j] = ShiftLeftSaturated(sum[j], hn::Load(d, left + j * kLanes));
      }
    }
    LINNET_UNROLL
    for (int j = 0; j < kNV; ++j) sum[j] = sum[j] >> shift[j];
    const D16 d16;
    V16 u[2];
    LINNET_UNROLL
    for (int j = 0; j < kNV; j += 2) {
      const V32 second = j + 1 < kNV ? sum[j + 1 < kNV ? j + 1 : 0] : hn::Zero(d);
      u[j / 2] = hn::MulFixedPoint15(hn::ReorderDemote2To(d16, sum[j], second), multiplier[j / 2]);
    }
    if constexpr (kNV <= 2) u[1] = hn::Zero(d16);
    if (residual != nullptr) {
      V8 bytes = LoadBytes(residual, cols);
      if constexpr (kNV < kAllVectors) bytes = MoveQuads(bytes, kQuadOrder.expand[kNV]);
      const Terms terms = ToTerms(bytes, term);
      u[0] = hn::SaturatedAdd(u[0], terms.low);
      u[1] = hn::SaturatedAdd(u[1], terms.high);
    }
    return to_byte(u[0], u[1]);
  }

  const int32_t* left;
  ByteTerm term;
  ToByte to_byte;
  V32 shift[kNV];
  V16 multiplier[(kNV + 1) / 2];
};

// ---- matrix products ----

HWY_INLINE Factors BroadcastQuad(const uint8_t* HWY_RESTRICT a) {
  int32_t quad;
  std::memcpy(&quad, a, 4);
  return Activations(hn::BitCast(D8(), hn::Set(D32(), quad)));
}

template <int kMR, int kNV>
HWY_INLINE void SumTile(const Int8TileArgs& t, V32 (&sum)[kMR][kNV]) {
  const D32 d;
  const D8 d8;
  LINNET_UNROLL
  for (int j = 0; j < kNV; ++j) {
    const V32 bias = hn::Load(d, t.channels.bias + j * kLanes);
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) sum[i][j] = bias;
  }
  const auto* HWY_RESTRICT b = reinterpret_cast<const uint8_t*>(t.b);
  for (int64_t tap = 0; tap < t.taps; ++tap) {
    const uint8_t* a[kMR];
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) a[i] = t.a[tap * t.a_stride + i];
    for (int64_t quad = 0; quad < t.quads; ++quad, b += kNV * kPanel) {
      Factors weights[kNV];
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) weights[j] = Weights(hn::Load(d8, b + j * kPanel));
      LINNET_UNROLL
      for (int i = 0; i < kMR; ++i) {
        const Factors activations = BroadcastQuad(a[i] + 4 * quad);
        LINNET_UNROLL
        for (int j = 0; j < kNV; ++j) sum[i][j] = Dot(sum[i][j], activations, weights[j]);
      }
    }
  }
}

// Sums [(j * kMaxRows + i) * kLanes + ...] of row i and vector j, to bytes.
template <int kNV>
void Finish(const Int8TileArgs& t, const int32_t* sums) {
  const D32 d;
  const PanelOutput<kNV> output(t.channels, *t.output);
  for (int64_t i = 0; i < t.rows; ++i) {
    V32 sum[kNV];
    LINNET_UNROLL
    for (int j = 0; j < kNV; ++j) {
      sum[j] = hn::Load(d, sums + (j * Int8Kernels::kMaxRows + i) * kLanes);
    }
    const int64_t at = i * t.dst_stride;
    output.Store(sum, t.residual == nullptr ? nullptr : t.residual + at, t.cols, t.dst + at);
  }
}

// Rows are dealt out evenly, so where there are many, tiles have the most there can be, or one
// less. The others, on small maps and in narrow panels, leave their sums to a loop: with every
// row's output written out, as here, they would be most of the library's code for bytes.
template <int kMR, int kNV>
void Tile(const Int8TileArgs& t) {
  V32 sum[kMR][kNV];
  SumTile<kMR, kNV>(t, sum);
  if constexpr (kMR + 1 < kRows[kNV]) {
    HWY_ALIGN int32_t sums[kNV * Int8Kernels::kMaxRows * kLanes];
    LINNET_UNROLL
    for (int i = 0; i < kMR; ++i) {
      LINNET_UNROLL
      for (int j = 0; j < kNV; ++j) {
        hn::Store(sum[i][j], D32(), sums + (j * Int8Kernels::kMaxRows + i) * kLanes);
      }
    }
    return Finish<kNV>(t, sums);
  }
  const PanelOutput<kNV> output(t.channels, *t.output);
  LINNET_UNROLL
  for (int i = 0; i < kMR; ++i) {
    const int64_t at = i * t.dst_stride;
    output.Store(sum[i], t.residual == nullptr ? nullptr : t.residual + at, t.cols, t.dst + at);
  }
}

template <int kNV>
void TileSums(const Int8TileArgs& t) {
  V32 sum[1][kNV];
  SumTile<1, kNV>(t, sum);
  LINNET_UNROLL
  for (int j = 0; j < kNV; ++j) hn::Store(sum[0][j], D32(), t.sums + j * kLanes);
}

#if LINNET_INT8_DOT
// Ten sums hide a latency of five on two pipes; 16 registers leave room for twelve. Returns a
// number that depends on every product, so that none is left out.
int32_t DotRounds(int rounds, double* macs) {
  constexpr int kSums = 12;
  const D32 d;
  V32 sum[kSums];
  LINNET_UNROLL
  for (int i = 0; i < kSums; ++i) sum[i] = hn::Set(d, i);
  const Factors a = Activations(hn::Set(D8(), static_cast<uint8_t>(rounds)));
  const Factors b = Weights(hn::Set(D8(), 1));
  for (int round = 0; round < rounds; ++round) {
    LINNET_UNROLL
    for (int i = 0; i < kSums; ++i) sum[i] = Dot(sum[i], a, b);
  }
  LINNET_UNROLL
  for (int i = 1; i < kSums; ++i) sum[0] = hn::Add(sum[0], sum[i]);
  *macs = static_cast<double>(rounds) * kSums * kPanel;
  return hn::GetLane(sum[0]);
}
#endif

// ---- depthwise ----

// The four bytes at each channel of a column, side by side.
HWY_INLINE void StoreQuads(const V8 (&row)[4], uint8_t* HWY_RESTRICT out) {
  const D8 d;
  const D16 d16;
  const auto low01 = hn::BitCast(d16, hn::InterleaveLower(d, row[0], row[1]));
  const auto low23 = hn::BitCast(d16, hn::InterleaveLower(d, row[2], row[3]));
  const auto high01 = hn::BitCast(d16, hn::InterleaveUpper(d, row[0], row[1]));
  const auto high23 = hn::BitCast(d16, hn::InterleaveUpper(d, row[2], row[3]));
  hn::Store(hn::BitCast(d, hn::InterleaveLower(d16, low01, low23)), d, out);
  hn::Store(hn::BitCast(d, hn::InterleaveUpper(d16, low01, low23)), d, out + kPanel);
  hn::Store(hn::BitCast(d, hn::InterleaveLower(d16, high01, high23)), d, out + 2 * kPanel);
  hn::Store(hn::BitCast(d, hn::InterleaveUpper(d16, high01, high23)), d, out + 3 * kPanel);
}

// The next column of a row; of its two halves, if kTwice. 'whole': as many bytes as the vector has
// may be read.
template <bool kTwice>
HWY_INLINE V8 LoadColumn(const uint8_t* lower, const uint8_t* upper, int64_t cols, bool whole) {
  const D8 d;
  const D8Half half;
  if constexpr (!kTwice) return whole ? hn::LoadU(d, lower) : LoadBytes(lower, cols);
  if (whole) return hn::Combine(d, hn::LoadU(half, upper), hn::LoadU(half, lower));
  return hn::Combine(d, LoadHalf(upper, cols), LoadHalf(lower, cols));
}

// The first columns, from which a whole vector may be read: it ends inside of the row. Padding is
// as long as a vector.
inline int64_t SafeColumns(const InterleaveArgs& t, int64_t width) {
  int64_t step = 0;  // of all rows that are not padding
  for (int r = 0; r < 4; ++r) step = HWY_MAX(step, HWY_MAX(t.step[0][r], t.step[1][r]));
  if (t.cols == width || step == 0) return t.columns;
  const int64_t bytes = (t.columns - 1) * step + t.cols - width;
  return bytes < 0 ? 0 : bytes / step + 1;
}

template <bool kTwice>
HWY_INLINE void InterleaveColumns(const InterleaveArgs& t) {
  constexpr int kHalves = kTwice ? 2 : 1;
  const int64_t safe = SafeColumns(t, kPanel / kHalves), columns = t.columns, cols = t.cols;
  const uint8_t* from[kHalves][4];
  int64_t step[kHalves][4];
  LINNET_UNROLL
  for (int half = 0; half < kHalves; ++half) {
    LINNET_UNROLL
    for (int r = 0; r < 4; ++r) from[half][r] = t.row[half][r], step[half][r] = t.step[half][r];
  }
  uint8_t* out = t.out;
  const int64_t out_step = t.out_step;
  const auto column = [&](bool whole) LINNET_LAMBDA {
    V8 row[4];
    LINNET_UNROLL
    for (int r = 0; r < 4; ++r) {
      row[r] = LoadColumn<kTwice>(from[0][r], from[kHalves - 1][r], cols, whole);
      LINNET_UNROLL
      for (int half = 0; half < kHalves; ++half) from[half][r] += step[half][r];
    }
    StoreQuads(row, out);
    out += out_step;
  };
  for (int64_t x = 0; x < safe; ++x) column(true);
  for (int64_t x = safe; x < columns; ++x) column(false);
}

void Interleave(const InterleaveArgs& t) {
  if (t.twice) return InterleaveColumns<true>(t);
  InterleaveColumns<false>(t);
}

// One product of 'kX' pixels: the vector at byte 'at' of each, with one of weights.
template <int kX>
HWY_INLINE void AddProducts(const uint8_t* HWY_RESTRICT a, int64_t a_step, int64_t at, int j,
                            const Factors& weights, V32 (&sum)[kX][kAllVectors]) {
  const D8 d;
  LINNET_UNROLL
  for (int i = 0; i < kX; ++i) {
    sum[i][j] = Dot(sum[i][j], Activations(hn::Load(d, a + i * a_step + at)), weights);
  }
}

// 'kX' pixels from 'x' on. Weights come from memory or, if kTaps is their number, from 'kept'.
// 't' is the caller's own copy: what is stored through dst cannot change it.
template <int kX, int kTaps>
HWY_INLINE void DepthwisePixels(const DepthwiseRowArgs& t, int64_t x,
                                const PanelOutput<kAllVectors>& output,
                                const Factors (&kept)[kTaps == 0 ? 1 : kTaps][kAllVectors]) {
  V32 sum[kX][kAllVectors];
  LINNET_UNROLL
  for (int j = 0; j < kAllVectors; ++j) {
    const V32 bias = hn::Load(D32(), t.channels.bias + j * kLanes);
    LINNET_UNROLL
    for (int i = 0; i < kX; ++i) sum[i][j] = bias;
  }
  const uint8_t* HWY_RESTRICT a = t.a + x * t.a_step;
  if constexpr (kTaps == 0) {
    const auto* HWY_RESTRICT b = reinterpret_cast<const uint8_t*>(t.b);
    for (int64_t tap = 0; tap < t.taps; ++tap) {
      LINNET_UNROLL
      for (int j = 0; j < kAllVectors; ++j) {
        const int64_t at = (tap * kAllVectors + j) * kPanel;
        AddProducts<kX>(a, t.a_step, at, j, Weights(hn::Load(D8(), b + at)), sum);
      }
    }
  } else {
    LINNET_UNROLL
    for (int tap = 0; tap < kTaps; ++tap) {
      LINNET_UNROLL
      for (int j = 0; j < kAllVectors; ++j) {
        AddProducts<kX>(a, t.a_step, (tap * kAllVectors + j) * kPanel, j, kept[tap][j], sum);
      }
    }
  }
  LINNET_UNROLL
  for (int i = 0; i < kX; ++i) {
    const int64_t to = (x + i) * t.dst_step;
    if (t.second != 0) {
      output.StoreTwice(sum[i], t.cols, t.dst + to, t.second);
    } else {
      output.Store(sum[i], t.residual == nullptr ? nullptr : t.residual + to, t.cols, t.dst + to);
    }
  }
}

template <int kX, int kTaps>
HWY_INLINE void DepthwiseRowOf(const DepthwiseRowArgs& args) {
  const DepthwiseRowArgs t = args;
  const PanelOutput<kAllVectors> output(t.channels, *t.output);
  Factors kept[kTaps == 0 ? 1 : kTaps][kAllVectors];
  LINNET_UNROLL
  for (int tap = 0; tap < kTaps; ++tap) {
    LINNET_UNROLL
    for (int j = 0; j < kAllVectors; ++j) {
      const auto* b = reinterpret_cast<const uint8_t*>(t.b);
      kept[tap][j] = Weights(hn::Load(D8(), b + (tap * kAllVectors + j) * kPanel));
    }
  }
  int64_t x = 0;
  for (; x + kX <= t.pixels; x += kX) DepthwisePixels<kX, kTaps>(t, x, output, kept);
  if constexpr (kX > 1) {
    for (; x < t.pixels; ++x) DepthwisePixels<1, kTaps>(t, x, output, kept);
  }
}

void DepthwiseRow(const DepthwiseRowArgs& t) {
#if LINNET_INT8_DOT && (HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64)
  // 3x3: its 12 vectors of weights stay in registers, beside the four sums of a pixel and what the
  // output takes.
  if (t.taps == 3) return DepthwiseRowOf<1, 3>(t);
  DepthwiseRowOf<4, 0>(t);
#else
  DepthwiseRowOf<2, 0>(t);
#endif
}

// ---- element by element ----

// f(first, count) for runs of kPanel elements; the last is shorter.
#define LINNET_FOR_PANELS(n, i, count)                              \
  for (int64_t i = 0, count = HWY_MIN(n, int64_t{kPanel}); i < (n); \
       i += kPanel, count = HWY_MIN((n)-i, int64_t{kPanel}))

HWY_INLINE hn::Vec<DF> LoadFloats(const float* p, int64_t n) {
  const DF d;
  if (n >= kLanes) return hn::LoadU(d, p);
  HWY_ALIGN float buffer[kLanes] = {};
  if (n > 0) std::memcpy(buffer, p, static_cast<size_t>(n) * sizeof(float));
  return hn::Load(d, buffer);
}

void Quantize(int64_t n, float inverse_scale, int zero_point, const float* src, uint8_t* dst) {
  const DF d;
  const D32 d32;
  const auto inverse = hn::Set(d, inverse_scale);
  const auto least = hn::Set(d, -256.0f), most = hn::Set(d, 256.0f);
  const V32 zero = hn::Set(d32, zero_point);
  LINNET_FOR_PANELS(n, i, count) {
    V32 q[kAllVectors];
    for (int j = 0; j < kAllVectors; ++j) {
      const auto steps = hn::Mul(LoadFloats(src + i + j * kLanes, count - j * kLanes), inverse);
      // A NaN is not greater, and so becomes the least.
      const auto kept = hn::Min(hn::IfThenElse(hn::Gt(steps, least), steps, least), most);
      q[j] = hn::Add(hn::NearestInt(kept), zero);
    }
    const D16 d16;
    const V8 y =
        PackToBytes(hn::ReorderDemote2To(d16, q[0], q[1]), hn::ReorderDemote2To(d16, q[2], q[3]));
    StoreBytes(MoveQuads(y, kQuadOrder.transpose), count, dst + i);
  }
}

void Dequantize(int64_t n, const Quantization& q, const uint8_t* src, float* dst) {
  const DF d;
  const D32 d32;
  const hn::Rebind<uint8_t, D32> d8;
  const auto scale = hn::Set(d, q.scale);
  const V32 zero = hn::Set(d32, q.zero_point);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V32 steps = hn::Sub(hn::PromoteTo(d32, hn::LoadU(d8, src + i)), zero);
    hn::StoreU(hn::Mul(scale, hn::ConvertTo(d, steps)), d, dst + i);
  }
  for (; i < n; ++i) dst[i] = q.scale * static_cast<float>(src[i] - q.zero_point);
}

#if HWY_ARCH_ARM_A64
// An index past a table of 64 gives 0.
void Lookup(const LookupArgs& t) {
  const D8 d;
  const uint8x16x4_t tables[4] = {vld1q_u8_x4(t.table), vld1q_u8_x4(t.table + 64),
                                  vld1q_u8_x4(t.table + 128), vld1q_u8_x4(t.table + 192)};
  const V8 step = hn::Set(d, 64);
  for (int64_t r = 0; r < t.rows; ++r) {
    LINNET_FOR_PANELS(t.n, i, count) {
      V8 index = LoadBytes(t.src + r * t.src_stride + i, count);
      V8 y = V8(vqtbl4q_u8(tables[0], index.raw));
      for (int part = 1; part < 4; ++part) {
        index = hn::Sub(index, step);
        y = hn::Or(y, V8(vqtbl4q_u8(tables[part], index.raw)));
      }
      StoreBytes(y, count, t.dst + r * t.dst_stride + i);
    }
  }
}
#endif

void Add(int64_t n, const ByteTerm& a_term, const ByteTerm& b_term, const Int8Output& output,
         const uint8_t* a, const uint8_t* b, uint8_t* dst) {
  const ToByte to_byte(output);
  LINNET_FOR_PANELS(n, i, count) {
    const Terms x = ToTerms(LoadBytes(a + i, count), a_term);
    const Terms y = ToTerms(LoadBytes(b + i, count), b_term);
    StoreBytes(to_byte(hn::SaturatedAdd(x.low, y.low), hn::SaturatedAdd(x.high, y.high)), count,
               dst + i);
  }
}

void Scale(int64_t rows, int64_t n, int64_t stride, const ByteTerm& term, const int16_t* multiplier,
           const Int8Output& output, const uint8_t* src, uint8_t* dst) {
  const D16 d16;
  const ToByte to_byte(output);
  const V16 zero = hn::Set(d16, static_cast<int16_t>(term.zero));
  LINNET_FOR_PANELS(n, i, count) {
    const V16 low = hn::LoadU(d16, multiplier + i);
    const V16 high = hn::LoadU(d16, multiplier + i + kPanel / 2);
    for (int64_t r = 0; r < rows; ++r) {
      const Terms wide = Widen(LoadBytes(src + r * stride + i, count));
      StoreBytes(to_byte(Term64(wide.low, zero, low, term.doublings),
                         Term64(wide.high, zero, high, term.doublings)),
                 count, dst + r * stride + i);
    }
  }
}

// Sums of up to 256 rows fit into 16 bits.
void SumRows(int64_t n, int64_t rows, int64_t stride, const uint8_t* src, int32_t* sums) {
  constexpr int64_t kMostRows = 256;
  const D16 d16;
  const hn::RebindToUnsigned<D16> du16;
  LINNET_FOR_PANELS(n, i, count) {
    for (int64_t first = 0; first < rows; first += kMostRows) {
      const int64_t last = HWY_MIN(rows, first + kMostRows);
      V16 low = hn::Zero(d16), high = hn::Zero(d16);
      for (int64_t r = first; r < last; ++r) {
        const Terms wide = Widen(LoadBytes(src + r * stride + i, count));
        low = hn::Add(low, wide.low);
        high = hn::Add(high, wide.high);
      }
      HWY_ALIGN uint16_t words[kPanel];
      hn::Store(hn::BitCast(du16, low), du16, words);
      hn::Store(hn::BitCast(du16, high), du16, words + kPanel / 2);
      for (int64_t k = 0; k < count; ++k) sums[i + k] += words[WidenedPosition(kLanes, k)];
    }
  }
}

void Max(const MaxArgs& args) {
  const MaxArgs t = args;
  LINNET_FOR_PANELS(t.n, i, count) {
    V8 most = hn::Zero(D8());
    for (int64_t y = 0; y < t.rows; ++y) {
      const uint8_t* from = t.src + y * t.row_stride + i;
      for (int64_t x = 0; x < t.columns; ++x) {
        most = hn::Max(most, LoadBytes(from + x * t.n, count));
      }
    }
    StoreBytes(most, count, t.dst + i);
  }
}

// By blocks of 16 bytes; the last one may do again what the one before has done.
void Zip(int64_t n, const uint8_t* a, const uint8_t* b, uint8_t* dst) {
  const hn::FixedTag<uint8_t, 16> d;
  const auto block = [&](int64_t i) LINNET_LAMBDA {
    const auto x = hn::LoadU(d, a + i), y = hn::LoadU(d, b + i);
    hn::StoreU(hn::InterleaveLower(d, x, y), d, dst + 2 * i);
    hn::StoreU(hn::InterleaveUpper(d, x, y), d, dst + 2 * i + 16);
  };
  if (n < 16) return PortableInt8Kernels()->zip(n, a, b, dst);
  for (int64_t i = 0; i + 16 <= n; i += 16) block(i);
  block(n - 16);
}

HWY_INLINE V32 LoadSums(const int32_t* p, int64_t n) {
  const D32 d;
  if (n >= kLanes) return hn::LoadU(d, p);
  HWY_ALIGN int32_t buffer[kLanes] = {};
  if (n > 0) std::memcpy(buffer, p, static_cast<size_t>(n) * sizeof(int32_t));
  return hn::Load(d, buffer);
}

void RequantizeSums(int64_t n, int32_t bias, const Requantizer& r, const Int8Output& output,
                    const int32_t* sums, uint8_t* dst) {
  const D32 d;
  const D16 d16;
  const ToByte to_byte(output);
  const V16 multiplier = hn::Set(d16, static_cast<int16_t>(r.multiplier));
  const V32 left = hn::Set(d, r.left), shift = hn::Set(d, r.shift);
  LINNET_FOR_PANELS(n, i, count) {
    V32 sum[kAllVectors];
    for (int j = 0; j < kAllVectors; ++j) {
      sum[j] = hn::Add(LoadSums(sums + i + j * kLanes, count - j * kLanes), hn::Set(d, bias));
      sum[j] = ShiftLeftSaturated(sum[j], left) >> shift;
    }
    const V8 y =
        to_byte(hn::MulFixedPoint15(hn::ReorderDemote2To(d16, sum[0], sum[1]), multiplier),
                hn::MulFixedPoint15(hn::ReorderDemote2To(d16, sum[2], sum[3]), multiplier));
    StoreBytes(MoveQuads(y, kQuadOrder.transpose), count, dst + i);
  }
}

// ---- the table ----

template <int kNV, int... kI>
void FillRows(Int8Kernels& table, std::integer_sequence<int, kI...>) {
  ((table.tile[kNV][kI + 1] = &Tile<kI + 1, kNV>), ...);
  table.rows[kNV] = kRows[kNV];
  table.tile_sums[kNV] = &TileSums<kNV>;
  table.finish[kNV] = &Finish<kNV>;
}

Int8Kernels MakeTable(const char* target) {
  Int8Kernels table = *PortableInt8Kernels();
  table.target = target;
  table.lanes = kLanes;
  table.offset = kOffset;
  FillRows<1>(table, std::make_integer_sequence<int, kRows[1]>());
  FillRows<2>(table, std::make_integer_sequence<int, kRows[2]>());
  FillRows<3>(table, std::make_integer_sequence<int, kRows[3]>());
  FillRows<4>(table, std::make_integer_sequence<int, kRows[4]>());
#if LINNET_INT8_DOT
  table.dot_rounds = &DotRounds;
#endif
  table.interleave = &Interleave;
  table.depthwise_row = &DepthwiseRow;
  table.quantize = &Quantize;
  table.dequantize = &Dequantize;
#if HWY_ARCH_ARM_A64
  table.lookup = &Lookup;
#endif
  table.add = &Add;
  table.scale = &Scale;
  table.sum_rows = &SumRows;
  table.max = &Max;
  table.zip = &Zip;
  table.requantize = &RequantizeSums;
  return table;
}
