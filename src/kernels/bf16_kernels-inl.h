// The bfloat16 loops in vectors, for one target. Included within the target's namespace, once with
// LINNET_BF16_DOT 0 (bf16_kernels.cc) and once with 1 (bf16_dot.cc), where the target has
// VDPBF16PS, which adds two products of bfloat16 to each float32. Without it, numbers are widened
// on load and multiplied as float32.

using DF = hn::ScalableTag<float>;
using DU = hn::ScalableTag<uint32_t>;
using DW = hn::ScalableTag<uint16_t>;
using VF = hn::Vec<DF>;
using VU = hn::Vec<DU>;
constexpr int kLanes = HWY_LANES(float);

#define LINNET_UNROLL HWY_UNROLL(16)

// ---- numbers ----

#if LINNET_BF16_DOT
using HalfD = HalfWords<DF>;
HWY_INLINE hn::Vec<HalfD> ToHalf(VF v) {
  // In assembler, as below: with the compiler's attribute for it, lambdas would not be inlined into
  // the functions of other headers.
  __m256i half;
  __asm__("vcvtneps2bf16 %1, %0" : "=v"(half) : "v"(v.raw));
  return hn::Vec<HalfD>{half};
}
HWY_INLINE void StoreBf16(VF v, bfloat16_t* HWY_RESTRICT p) { hn::StoreU(ToHalf(v), HalfD(), p); }
HWY_INLINE void StorePartBf16(VF v, bfloat16_t* HWY_RESTRICT p, size_t n) {
  hn::BlendedStore(ToHalf(v), hn::FirstN(HalfD(), n), HalfD(), p);
}
#else
HWY_INLINE void StoreBf16(VF v, bfloat16_t* HWY_RESTRICT p) { StoreNumbers(v, DF(), p); }
HWY_INLINE void StorePartBf16(VF v, bfloat16_t* HWY_RESTRICT p, size_t n) {
  StoreNumbersPart(v, DF(), p, n);
}
#endif

void ToBf16(int64_t n, const float* HWY_RESTRICT src, bfloat16_t* HWY_RESTRICT dst) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) StoreBf16(hn::LoadU(DF(), src + i), dst + i);
  for (; i < n; ++i) dst[i] = linnet::ToBfloat16(src[i]);
}

void ToFloat(int64_t n, const bfloat16_t* HWY_RESTRICT src, float* HWY_RESTRICT dst) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) hn::StoreU(LoadNumbers(DF(), src + i), DF(), dst + i);
  for (; i < n; ++i) dst[i] = FromBfloat16(src[i]);
}

void Split(int64_t n, const float* HWY_RESTRICT src, bfloat16_t* HWY_RESTRICT high,
           bfloat16_t* HWY_RESTRICT low) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const VF x = hn::LoadU(DF(), src + i);
    StoreBf16(x, high + i);
    StoreBf16(hn::Sub(x, LoadNumbers(DF(), high + i)), low + i);
  }
  for (; i < n; ++i) {
    high[i] = linnet::ToBfloat16(src[i]);
    low[i] = linnet::ToBfloat16(src[i] - FromBfloat16(high[i]));
  }
}

// A byte's bfloat16 is the upper half of its float32; the power of two is added to its exponent.
void Widen(int64_t n, const bfloat16_t* HWY_RESTRICT high, const int8_t* HWY_RESTRICT narrow,
           bfloat16_t* HWY_RESTRICT low) {
  constexpr uint16_t kPowers = 0x7f80, kUnit = (127 + 15) << 7;
#if HWY_TARGET == HWY_SCALAR
  for (int64_t i = 0; i < n; ++i) {
    const bfloat16_t byte = linnet::ToBfloat16(narrow[i]);
    low[i] = narrow[i] == 0 ? 0 : static_cast<bfloat16_t>(byte + (high[i] & kPowers) - kUnit);
  }
#else
  const DF df;
  const DW d;
  const hn::RebindToSigned<DF> di;
  const hn::Rebind<int8_t, DF> d8;
  const auto floats = [&](const int8_t* p) LINNET_LAMBDA {
    return hn::BitCast(d, hn::ConvertTo(df, hn::PromoteTo(di, hn::LoadU(d8, p))));
  };
  for (int64_t i = 0; i < n; i += 2 * kLanes) {
    const auto bytes = hn::ConcatOdd(d, floats(narrow + i + kLanes), floats(narrow + i));
    const auto power = hn::And(hn::LoadU(d, high + i), hn::Set(d, kPowers));
    const auto number = hn::Sub(hn::Add(bytes, power), hn::Set(d, kUnit));
    const auto none = hn::Eq(bytes, hn::Zero(d));
    hn::StoreU(hn::IfThenZeroElse(none, number), d, low + i);
  }
#endif
}

void Copy(int64_t n, const bfloat16_t* HWY_RESTRICT src, bfloat16_t* HWY_RESTRICT dst) {
  const DW d;
  const auto words = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + words <= n; i += words) hn::StoreU(hn::LoadU(d, src + i), d, dst + i);
  for (; i < n; ++i) dst[i] = src[i];
}

// ---- products ----

// Column tiles that go together through the rows, and rows that do, so that the sums, and what is
// multiplied into them, stay in the registers.
#if LINNET_BF16_DOT
constexpr int kTiles = 2, kRows = 12;
#elif HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kTiles = 16 / kLanes > 2 ? 1 : 2, kRows = 4;
#else
constexpr int kTiles = 1, kRows = HWY_TARGET == HWY_SCALAR ? 1 : 2;
#endif
constexpr int kTileVectors = kBf16Tile / kLanes;

// One pair of terms of every column of a vector, or one pair for all of them.
#if LINNET_BF16_DOT
using Pairs = VU;
HWY_INLINE Pairs PairsOf(VU words) { return words; }
HWY_INLINE VF AddProducts(VF sum, Pairs a, Pairs b) {
  // In assembler: it adds in place, and from the intrinsic GCC makes copies of the sums.
  __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum.raw) : "v"(b.raw), "v"(a.raw));
  return sum;
}
#else
struct Pairs {
  HWY_INLINE Pairs() {}  // said, or GCC makes it for another target
  HWY_INLINE Pairs(VF e, VF o) : even(e), odd(o) {}
  VF even, odd;
};
HWY_INLINE Pairs PairsOf(VU words) {
  return {hn::BitCast(DF(), hn::ShiftLeft<16>(words)),
          hn::BitCast(DF(), hn::And(words, hn::Set(DU(), 0xffff0000u)))};
}
HWY_INLINE VF AddProducts(VF sum, const Pairs& a, const Pairs& b) {
  return hn::MulAdd(a.odd, b.odd, hn::MulAdd(a.even, b.even, sum));
}
#endif
HWY_INLINE Pairs PairsAt(const bfloat16_t* p) {
  return PairsOf(hn::LoadU(DU(), reinterpret_cast<const uint32_t*>(p)));
}
HWY_INLINE Pairs PairForAll(const bfloat16_t* p) {
  uint32_t word;
  std::memcpy(&word, p, sizeof(word));
  return PairsOf(hn::Set(DU(), word));
}

// What one pass over the terms takes: A's rows from 'a' on, column tiles from 'b' on.
struct Pass {
  const bfloat16_t* a;
  int64_t a_stride;
  const int64_t* offsets;
  const bfloat16_t* tail;  // of the first row; or null
  const bfloat16_t* b;
  int64_t b_step;  // numbers from one step to the next
  int64_t steps;
  float* sums;  // of the first row and column
};

// sums (+)= kR rows times kT column tiles
template <int kR, int kT>
HWY_INLINE void MultiplyRows(const Pass& p, bool accumulate) {
  constexpr int kV = kT * kTileVectors;
  const DF d;
  VF sums[kR][kV];
  LINNET_UNROLL
  for (int i = 0; i < kR; ++i) {
    LINNET_UNROLL
    for (int j = 0; j < kV; ++j) {
      sums[i][j] = accumulate ? hn::LoadU(d, p.sums + i * kBf16Block + j * kLanes) : hn::Zero(d);
    }
  }
  for (int64_t step = 0; step < p.steps; ++step) {
    const bool tail = p.tail != nullptr && step + 1 == p.steps;
    const bfloat16_t* a = tail ? p.tail : p.a + p.offsets[step];
    const int64_t stride = tail ? kBf16Step : p.a_stride;
    const bfloat16_t* b = p.b + step * p.b_step;
    for (int pair = 0; pair < kBf16Step / 2; ++pair, a += 2, b += 2 * kBf16Tile) {
      Pairs columns[kV];
      LINNET_UNROLL
      for (int j = 0; j < kV; ++j) {
        const int tile = j / kTileVectors, vector = j % kTileVectors;
        columns[j] = PairsAt(b + tile * kBf16Tile * kBf16Step + 2 * vector * kLanes);
      }
      LINNET_UNROLL
      for (int i = 0; i < kR; ++i) {
        const Pairs row = PairForAll(a + i * stride);
        LINNET_UNROLL
        for (int j = 0; j < kV; ++j) sums[i][j] = AddProducts(sums[i][j], row, columns[j]);
      }
    }
  }
  LINNET_UNROLL
  for (int i = 0; i < kR; ++i) {
    LINNET_UNROLL
    for (int j = 0; j < kV; ++j) hn::StoreU(sums[i][j], d, p.sums + i * kBf16Block + j * kLanes);
  }
}

// So many rows at a time, and then the rest one by one in halves.
template <int kR, int kT>
void MultiplyGroup(Pass p, int64_t rows, bool accumulate) {
  for (; rows >= kR; rows -= kR) {
    MultiplyRows<kR, kT>(p, accumulate);
    p.a += kR * p.a_stride;
    if (p.tail != nullptr) p.tail += kR * kBf16Step;
    p.sums += kR * kBf16Block;
  }
  if constexpr (kR > 1) {
    if (rows > 0) MultiplyGroup<kR / 2, kT>(p, rows, accumulate);
  }
}

// Adds the product of A, from 'a_low' on, and b.
void MultiplyBlock(const Bf16BlockArgs& t, int64_t a_low, const bfloat16_t* b, int64_t b_step,
                   bool accumulate) {
  const int64_t tiles = t.cols > kBf16Tile ? 2 : 1;
  for (int group = 0; group < 2; ++group) {
    const Bf16Rows& from = t.a[group];
    for (int64_t tile = 0; tile < tiles; tile += kTiles) {
      const Pass pass = {from.a + a_low,
                         from.stride,
                         t.offsets,
                         from.tail,
                         b + tile * kBf16Tile * kBf16Step,
                         b_step,
                         t.steps,
                         t.sums + group * kBf16Tile * kBf16Block + tile * kBf16Tile};
      if (kTiles == 2 && tiles == 2) {
        MultiplyGroup<kRows, kTiles>(pass, from.rows, accumulate);
      } else {
        MultiplyGroup<kRows, 1>(pass, from.rows, accumulate);
      }
    }
  }
}

int64_t ColumnTileNumbers(const Bf16BlockArgs& t) {
  return (t.cols > kBf16Tile ? 2 : 1) * kBf16Tile * kBf16Step;
}

void Product(const Bf16BlockArgs& t) { MultiplyBlock(t, 0, t.b, t.b_step, false); }

void SplitProduct(const Bf16BlockArgs& t) {
  for (int64_t step = 0; t.narrow != nullptr && step < t.steps; ++step) {
    t.widen(ColumnTileNumbers(t), t.b + step * t.b_step, t.narrow + 2 * step * t.b_step,
            t.widened + step * t.b_low_step);
  }
  MultiplyBlock(t, 0, t.b_low, t.b_low_step, false);
  MultiplyBlock(t, t.a_low, t.b, t.b_step, true);
  MultiplyBlock(t, 0, t.b, t.b_step, true);
}

// ---- epilogue ----

template <class T>
HWY_INLINE VF LoadSome(const T* p, size_t n) {
  return n == kLanes ? LoadNumbers(DF(), p) : LoadNumbersPart(DF(), p, n);
}
HWY_INLINE void StoreSome(VF v, float* p, size_t n) {
  n == kLanes ? hn::StoreU(v, DF(), p) : StorePart(v, DF(), p, n);
}
HWY_INLINE void StoreSome(VF v, bfloat16_t* p, size_t n) {
  n == kLanes ? StoreBf16(v, p) : StorePartBf16(v, p, n);
}

// A vector of columns, all rows.
template <class R, class T, class Act>
HWY_INLINE void FinishColumns(const Bf16FinishArgs& t, Act act, int64_t column, size_t n) {
  const DF d;
  const VF bias = t.bias == nullptr ? hn::Zero(d) : LoadSome(t.bias + column, n);
  const VF alpha = hn::Set(d, t.alpha);
  const float* sums = t.sums + column;
  const R* residual = static_cast<const R*>(t.residual) + (t.residual == nullptr ? 0 : column);
  T* dst = static_cast<T*>(t.dst) + column;
  for (int64_t i = 0; i < t.rows; ++i) {
    VF y = hn::Add(hn::LoadU(d, sums + i * kBf16Block), bias);
    if (t.residual != nullptr) y = hn::Add(y, LoadSome(residual + i * t.residual_stride, n));
    StoreSome(act(d, y, alpha), dst + i * t.dst_stride, n);
  }
}

#if LINNET_BF16_DOT
HWY_INLINE void StoreLine(VF low, VF high, bfloat16_t* p) {
  __m512i line;
  __asm__("vcvtne2ps2bf16 %1, %2, %0" : "=v"(line) : "v"(low.raw), "v"(high.raw));
  _mm512_storeu_si512(p, line);
}
HWY_INLINE void StoreLine(VF low, VF high, float* p) {
  hn::StoreU(low, DF(), p);
  hn::StoreU(high, DF(), p + kLanes);
}

// All columns of a block: whole lines of memory, row by row.
template <bool kResidual, class R, class T, class Act>
HWY_INLINE void FinishLines(const Bf16FinishArgs& t, Act act) {
  const DF d;
  const VF bias0 = t.bias == nullptr ? hn::Zero(d) : hn::LoadU(d, t.bias);
  const VF bias1 = t.bias == nullptr ? hn::Zero(d) : hn::LoadU(d, t.bias + kLanes);
  const VF alpha = hn::Set(d, t.alpha);
  const R* residual = static_cast<const R*>(t.residual);
  T* dst = static_cast<T*>(t.dst);
  for (int64_t i = 0; i < t.rows; ++i) {
    VF low = hn::Add(hn::LoadU(d, t.sums + i * kBf16Block), bias0);
    VF high = hn::Add(hn::LoadU(d, t.sums + i * kBf16Block + kLanes), bias1);
    if constexpr (kResidual) {
      low = hn::Add(low, LoadNumbers(d, residual + i * t.residual_stride));
      high = hn::Add(high, LoadNumbers(d, residual + i * t.residual_stride + kLanes));
    }
    StoreLine(act(d, low, alpha), act(d, high, alpha), dst + i * t.dst_stride);
  }
}
#endif

template <class R, class T>
void Finish(const Bf16FinishArgs& t) {
  WithFrequentActivation(t.act, [&](auto act) LINNET_LAMBDA {
#if LINNET_BF16_DOT
    if (t.cols == kBf16Block) {
      if (t.residual != nullptr) return FinishLines<true, R, T>(t, act);
      return FinishLines<false, R, T>(t, act);
    }
    for (int64_t column = 0; column < t.cols; column += kLanes) {
      FinishColumns<R, T>(t, act, column, static_cast<size_t>(HWY_MIN(t.cols - column, kLanes)));
    }
#else
    int64_t column = 0;
    for (; column + kLanes <= t.cols; column += kLanes) {
      FinishColumns<R, T>(t, act, column, kLanes);
    }
    if (column < t.cols) {
      FinishColumns<R, T>(t, act, column, static_cast<size_t>(t.cols - column));
    }
#endif
  });
}

// ---- elementwise ----

// f(index, count) for every vector of n numbers; the last may have fewer.
template <class F>
HWY_INLINE void ForSome(int64_t n, F&& f) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) f(i, size_t{kLanes});
  if (i < n) f(i, static_cast<size_t>(n - i));
}

void Add(int64_t n, const bfloat16_t* a, const bfloat16_t* b, float scale, Activation act,
         float alpha, bfloat16_t* dst) {
  const DF d;
  WithFrequentActivation(act, [&](auto activate) LINNET_LAMBDA {
    const VF valpha = hn::Set(d, alpha), vscale = hn::Set(d, scale);
    ForSome(n, [&](int64_t i, size_t count) LINNET_LAMBDA {
      VF z = LoadSome(a + i, count);
      if (b != nullptr) z = hn::MulAdd(LoadSome(b + i, count), vscale, z);
      StoreSome(activate(d, z, valpha), dst + i, count);
    });
  });
}

void Mul(int64_t n, const bfloat16_t* a, const bfloat16_t* b, bfloat16_t* dst) {
  ForSome(n, [&](int64_t i, size_t count) LINNET_LAMBDA {
    StoreSome(hn::Mul(LoadSome(a + i, count), LoadSome(b + i, count)), dst + i, count);
  });
}

void ScaleShift(int64_t n, const bfloat16_t* src, const float* scale, const float* shift,
                Activation act, float alpha, bfloat16_t* dst) {
  const DF d;
  WithFrequentActivation(act, [&](auto activate) LINNET_LAMBDA {
    const VF valpha = hn::Set(d, alpha);
    ForSome(n, [&](int64_t i, size_t count) LINNET_LAMBDA {
      const VF z = hn::MulAdd(LoadSome(src + i, count), LoadSome(scale + i, count),
                              LoadSome(shift + i, count));
      StoreSome(activate(d, z, valpha), dst + i, count);
    });
  });
}

void SumRows(int64_t n, int64_t rows, int64_t stride, const bfloat16_t* src, float* sums) {
  ForSome(n, [&](int64_t i, size_t count) LINNET_LAMBDA {
    VF sum = LoadSome(sums + i, count);
    for (int64_t r = 0; r < rows; ++r) sum = hn::Add(sum, LoadSome(src + r * stride + i, count));
    StoreSome(sum, sums + i, count);
  });
}

void Max(int64_t n, int64_t number, const bfloat16_t* const* pixels, bfloat16_t* dst) {
  ForSome(n, [&](int64_t i, size_t count) LINNET_LAMBDA {
    VF max = LoadSome(pixels[0] + i, count);
    for (int64_t k = 1; k < number; ++k) {
      const VF x = LoadSome(pixels[k] + i, count);
      max = NanMax(max, x);
    }
    StoreSome(max, dst + i, count);
  });
}

void Sum(int64_t n, int64_t number, const bfloat16_t* const* pixels, float factor,
         bfloat16_t* dst) {
  ForSome(n, [&](int64_t i, size_t count) LINNET_LAMBDA {
    VF sum = LoadSome(pixels[0] + i, count);
    for (int64_t k = 1; k < number; ++k) sum = hn::Add(sum, LoadSome(pixels[k] + i, count));
    StoreSome(hn::Mul(sum, hn::Set(DF(), factor)), dst + i, count);
  });
}

void Interleave(int64_t n, const bfloat16_t* a, const bfloat16_t* b, bfloat16_t* dst) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<uint16_t, 8> d;
  for (; i + 8 <= n; i += 8) {
    const auto even = hn::LoadU(d, a + i), odd = hn::LoadU(d, b + i);
    hn::StoreU(hn::InterleaveLower(d, even, odd), d, dst + 2 * i);
    hn::StoreU(hn::InterleaveUpper(d, even, odd), d, dst + 2 * i + 8);
  }
#endif
  for (; i < n; ++i) dst[2 * i] = a[i], dst[2 * i + 1] = b[i];
}

// ---- depthwise ----

// As depthwise_tile-inl.h takes a map's numbers.
struct Bf16Numbers {
  using T = bfloat16_t;
  static constexpr bool kLoadsNone = HWY_TARGET <= HWY_AVX3;
  template <bool kPart>
  static HWY_INLINE VF Load(const bfloat16_t* p, size_t n) {
    if constexpr (kPart && kLoadsNone) return LoadNumbersPart(DF(), p, n);
    return LoadSome(p, kPart ? n : kLanes);
  }
  template <bool kPart>
  static HWY_INLINE void Store(VF v, bfloat16_t* p, size_t n) {
    StoreSome(v, p, kPart ? n : kLanes);
  }
  // Before a result is rounded. Others are refused (Bf16DepthwiseRefuses). Called, not inlined: it
  // stands in every tile.
  static HWY_INLINE bool Activates(Activation act) {
    return act == Activation::kHardSwish || act == Activation::kSwish;
  }
  static HWY_NOINLINE void Activate(Activation act, VF* y, int n) {
    const DF d;
    const VF no_alpha = hn::Zero(d);
    for (int i = 0; i < n; ++i) {
      y[i] = act == Activation::kSwish
                 ? HWY_NAMESPACE::Activate<Activation::kSwish>(d, y[i], no_alpha)
                 : HWY_NAMESPACE::Activate<Activation::kHardSwish>(d, y[i], no_alpha);
    }
  }
  // For size: there are 64 tiles, and AMX machines, where it would matter, were not at hand.
  static constexpr bool kInnerSteps = false;
  static HWY_INLINE void ActivatePixels(Activation, float, bfloat16_t*, int64_t, int64_t, size_t) {}
};

Bf16Kernels MakeTable(const char* target) {
  Bf16Kernels table = {};
  table.target = target;
  table.product = Product;
  table.split_product = SplitProduct;
  table.finish[0][0] = Finish<float, float>;
  table.finish[0][1] = Finish<float, bfloat16_t>;
  table.finish[1][0] = Finish<bfloat16_t, float>;
  table.finish[1][1] = Finish<bfloat16_t, bfloat16_t>;
  table.to_bf16 = ToBf16;
  table.to_float = ToFloat;
  table.split = Split;
  table.widen = Widen;
  table.copy = Copy;
  table.add = Add;
  table.mul = Mul;
  table.scale_shift = ScaleShift;
  table.sum_rows = SumRows;
  table.max = Max;
  table.sum = Sum;
  table.interleave = Interleave;
  table.depthwise_rows = WalkRows<Bf16Numbers>;
  table.largest_walk = kTileKernel;
  return table;
}

#undef LINNET_UNROLL
