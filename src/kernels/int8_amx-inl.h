// Tiles of 32 rows by a panel, over whatever 'Tiles' is: Intel's registers or their twin. Included
// by int8_amx.cc, once for each.
//
// Registers: 0 to 3 sums, 4 and 5 of A, 6 and 7 of B; all have 16 rows of 64 bytes. 'Tiles' has
// Zero<t>(), Load<t>(from, stride), Store<t>(to, stride), Dot<sum, a, b>().
//
// Panels are packed as for vectors: 16 groups of four terms, as they lie, are a register of B for
// each vector of sums. What is left of a tap's terms is copied beside zeros; so it does not matter
// what B has there.

constexpr int64_t kRegisterRows = 16, kRegisterBytes = 64, kRegisterQuads = 16;
constexpr int64_t kLanes = 16;
// Fewer bytes a tap, as the first layer has, leave most of a register empty: vectors do these.
constexpr int64_t kLeastQuads = 8;

// Rows of A for one step, for one register: where they lie, or copied.
struct Rows {
  const uint8_t* from;
  int64_t stride;
};
Rows RowsOfStep(const uint8_t* const* a, int64_t rows, int64_t begin, int64_t bytes,
                uint8_t* copy) {
  const int64_t stride = rows > 1 ? a[1] - a[0] : 0;
  bool even = rows == kRegisterRows && bytes == kRegisterBytes;
  for (int64_t i = 2; even && i < rows; ++i) even = a[i] - a[i - 1] == stride;
  if (even) return {a[0] + begin, stride};
  std::memset(copy, 0, kRegisterRows * kRegisterBytes);
  for (int64_t i = 0; i < rows; ++i) {
    std::memcpy(copy + i * kRegisterBytes, a[i] + begin, static_cast<size_t>(bytes));
  }
  return {copy, kRegisterBytes};
}

// Two vectors of sums, or one, from vector 'first' on.
template <int kNV, int kA, int kB>
void MultiplyTiles(const Int8TileArgs& t, int first, int32_t* sums) {
  alignas(64) uint8_t copy[2][kRegisterRows * kRegisterBytes];
  constexpr int64_t kBStride = kNV * 64;
  Tiles::template Zero<0>();
  if constexpr (kB > 1) Tiles::template Zero<1>();
  if constexpr (kA > 1) Tiles::template Zero<2>();
  if constexpr (kA > 1 && kB > 1) Tiles::template Zero<3>();
  const int8_t* b = t.b + first * 64;
  for (int64_t tap = 0; tap < t.taps; ++tap) {
    const uint8_t* const* a = t.a + tap * t.a_stride;
    for (int64_t quad = 0; quad < t.quads; quad += kRegisterQuads) {
      const int64_t quads = std::min(kRegisterQuads, t.quads - quad);
      const Rows low = RowsOfStep(a, std::min(t.rows, kRegisterRows), 4 * quad, 4 * quads, copy[0]);
      Tiles::template Load<4>(low.from, low.stride);
      if constexpr (kA > 1) {
        const Rows high =
            RowsOfStep(a + kRegisterRows, t.rows - kRegisterRows, 4 * quad, 4 * quads, copy[1]);
        Tiles::template Load<5>(high.from, high.stride);
      }
      Tiles::template Load<6>(b, kBStride);
      if constexpr (kB > 1) Tiles::template Load<7>(b + 64, kBStride);
      b += quads * kBStride;
      Tiles::template Dot<0, 4, 6>();
      if constexpr (kB > 1) Tiles::template Dot<1, 4, 7>();
      if constexpr (kA > 1) Tiles::template Dot<2, 5, 6>();
      if constexpr (kA > 1 && kB > 1) Tiles::template Dot<3, 5, 7>();
    }
  }
  int32_t* second = sums + Int8Kernels::kMaxRows * kLanes;
  constexpr int64_t kHalf = kRegisterRows * kLanes;
  Tiles::template Store<0>(sums, kRegisterBytes);
  if constexpr (kB > 1) Tiles::template Store<1>(second, kRegisterBytes);
  if constexpr (kA > 1) Tiles::template Store<2>(sums + kHalf, kRegisterBytes);
  if constexpr (kA > 1 && kB > 1) Tiles::template Store<3>(second + kHalf, kRegisterBytes);
}

// The vectors of a panel, two at a time.
template <int kNV, int kA>
void MultiplyPanel(const Int8TileArgs& t, int32_t* sums) {
  constexpr int64_t kPair = 2 * Int8Kernels::kMaxRows * kLanes;
  MultiplyTiles<kNV, kA, kNV == 1 ? 1 : 2>(t, 0, sums);
  if constexpr (kNV > 2) MultiplyTiles<kNV, kA, kNV == 3 ? 1 : 2>(t, 2, sums + kPair);
}

// The same by the vectors of 'base', whose tiles have fewer rows.
template <int kNV>
void VectorTiles(const Int8Kernels& base, const Int8TileArgs& t) {
  Int8TileArgs part = t;
  for (int64_t row = 0; row < t.rows; row += base.rows[kNV]) {
    part.rows = std::min<int64_t>(base.rows[kNV], t.rows - row);
    part.a = t.a + row;
    part.dst = t.dst + row * t.dst_stride;
    if (t.residual != nullptr) part.residual = t.residual + row * t.dst_stride;
    base.tile[kNV][part.rows](part);
  }
}

template <int kNV>
void Tile(const Int8TileArgs& t) {
  if (t.quads < kLeastQuads) return VectorTiles<kNV>(*t.base, t);
  alignas(64) int32_t sums[kNV * Int8Kernels::kMaxRows * kLanes];
  if (t.rows > kRegisterRows) {
    MultiplyPanel<kNV, 2>(t, sums);
  } else {
    MultiplyPanel<kNV, 1>(t, sums);
  }
  t.base->finish[kNV](t, sums);
}

template <int kNV>
void FillTiles(Int8Kernels& table) {
  table.rows[kNV] = Int8Kernels::kMaxRows;
  for (int rows = 1; rows <= Int8Kernels::kMaxRows; ++rows) table.tile[kNV][rows] = Tile<kNV>;
}

// With 'base' for what is not a tile.
Int8Kernels MakeTable(const Int8Kernels& base, const char* target) {
  Int8Kernels table = base;
  table.target = target;
  table.base = &base;
  FillTiles<1>(table);
  FillTiles<2>(table);
  FillTiles<3>(table);
  FillTiles<4>(table);
  table.slack = kRegisterQuads * Int8Kernels::kVectors * 64;
  return table;
}
