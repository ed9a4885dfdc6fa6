// A panel by tile registers, over whatever 'Tiles' is: Intel's registers or their twin. Included by
// int8_amx.cc, once for each.
//
// Registers: 0 to 3 sums, 4 and 5 of A, 6 and 7 of B. Those of B have 16 rows of 64 bytes, the
// others as many as Begin said. 'Tiles' has Load<t>(from, stride), Store<t>(to, stride),
// DotBytes<sum, a, b>().
//
// Panels are packed as for vectors: 16 groups of four terms, as they lie, are a register of B for
// each vector of sums. Sums begin with the bias, which is loaded as rows with a distance of 0.

constexpr int64_t kLanes = 16;

// Two vectors of sums, or one, from vector 'first' on; for two registers of rows, or one.
template <int kNV, int kA, int kB>
void MultiplyTiles(const Int8RegisterArgs& t, int first, int32_t* sums, RegisterWork& work) {
  constexpr int64_t kBStride = kNV * 64;
  const int32_t* bias = t.tile.channels.bias + first * kLanes;
  Tiles::template Load<0>(bias, 0);
  if constexpr (kB > 1) Tiles::template Load<1>(bias + kLanes, 0);
  if constexpr (kA > 1) Tiles::template Load<2>(bias, 0);
  if constexpr (kA > 1 && kB > 1) Tiles::template Load<3>(bias + kLanes, 0);
  const int8_t* b = t.tile.b + first * 64;
  const RegisterRows *low = t.a, *high = t.a + t.steps;
  for (int64_t step = 0; step < t.steps; ++step, b += kStepQuads * kBStride) {
    Tiles::template Load<4>(low[step].from, low[step].stride);
    Tiles::template Load<6>(b, kBStride);
    if constexpr (kB > 1) Tiles::template Load<7>(b + 64, kBStride);
    if constexpr (kA > 1) Tiles::template Load<5>(high[step].from, high[step].stride);
    Tiles::template DotBytes<0, 4, 6>();
    if constexpr (kB > 1) Tiles::template DotBytes<1, 4, 7>();
    if constexpr (kA > 1) Tiles::template DotBytes<2, 5, 6>();
    if constexpr (kA > 1 && kB > 1) Tiles::template DotBytes<3, 5, 7>();
    work.Step();
  }
  int32_t* second = sums + Int8Kernels::kMaxRows * kLanes;
  const int64_t half = t.rows * kLanes;
  Tiles::template Store<0>(sums, kStepBytes);
  if constexpr (kB > 1) Tiles::template Store<1>(second, kStepBytes);
  if constexpr (kA > 1) Tiles::template Store<2>(sums + half, kStepBytes);
  if constexpr (kA > 1 && kB > 1) Tiles::template Store<3>(second + half, kStepBytes);
}

// The vectors of a panel, two at a time.
template <int kNV, int kA>
void MultiplyPanel(const Int8RegisterArgs& t, RegisterWork& work) {
  constexpr int64_t kPair = 2 * Int8Kernels::kMaxRows * kLanes;
  int32_t* sums = work.sums();
  work.Begin(t.steps * (kNV > 2 ? 2 : 1));
  MultiplyTiles<kNV, kA, kNV == 1 ? 1 : 2>(t, 0, sums, work);
  if constexpr (kNV > 2) MultiplyTiles<kNV, kA, kNV == 3 ? 1 : 2>(t, 2, sums + kPair, work);
  work.Take(t.tile, kNV);
}

template <int kNV>
void Panel(const Int8RegisterArgs& t, RegisterWork& work) {
  if (t.tile.rows > t.rows) {
    MultiplyPanel<kNV, 2>(t, work);
  } else {
    MultiplyPanel<kNV, 1>(t, work);
  }
}

// With 'base' for what is not a tile.
Int8Kernels MakeTable(const Int8Kernels& base, const char* target) {
  Int8Kernels table = base;
  table.target = target;
  table.base = &base;
  table.step_bytes = kStepBytes;
  table.registers[1] = Panel<1>;
  table.registers[2] = Panel<2>;
  table.registers[3] = Panel<3>;
  table.registers[4] = Panel<4>;
  table.begin = Tiles::Begin;
  table.end = Tiles::End;
  return table;
}
