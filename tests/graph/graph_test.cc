#include "graph/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace linnet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kTiny[] = R"(linnet-graph 1
name tiny
image = input(height=32, width=32)
conv = conv2d(image, out_channels=16, kernel=3,5, stride=2,2, padding=0,1,0,1, act=relu6)
same = conv2d(conv, out_channels=16, padding=same, residual=true)
pool = global_pool(same)
flat = flatten(pool)
fc = dense(flat, out_features=10, bias=false)
return fc, pool
)";

std::string ErrorOf(const std::string& text) {
  try {
    GraphFromText(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    return error.what();
  }
  return "no error";
}

TEST(GraphText, RoundTrips) {
  const Graph graph = GraphFromText(kTiny);
  EXPECT_EQ(GraphToText(graph), kTiny);
  EXPECT_THAT(graph.outputs, ElementsAre(5, 3));
  const auto& conv = std::get<Conv2d>(graph.nodes[1].op);
  EXPECT_EQ(conv.kernel, (Pair{3, 5}));
  EXPECT_EQ(conv.padding, (Padding{false, 0, 1, 0, 1}));
  EXPECT_EQ(conv.act.kind, Activation::kRelu6);
}

// The members of an aggregate: the most initializers it takes.
struct Anything {
  template <class T>
  operator T() const;
};
template <class T, class... Initializers>
constexpr int Members() {
  if constexpr (requires { T{Initializers()..., Anything()}; }) {
    return Members<T, Initializers..., Anything>();
  } else {
    return sizeof...(Initializers);
  }
}

template <class T>
void ExpectEveryMemberIsVisited() {
  T op;
  int visited = 0;
  VisitFields(op, [&](const char*, auto&, const char*) { ++visited; });
  constexpr bool kFuses = requires { op.act; };  // whose members are visited as the op's own
  EXPECT_EQ(visited, Members<T>() + (kFuses ? Members<FusedActivation>() - 1 : 0)) << OpName(op);
}

// Texts are compared, written to files and read back: what is not visited would be lost unseen.
TEST(GraphText, HasEveryMemberOfEveryOperation) {
  [&]<class... T>(std::variant<T...>*) {
    (ExpectEveryMemberIsVisited<T>(), ...);
  }(static_cast<Op*>(nullptr));
}

TEST(GraphText, HandwritingIsForgiven) {
  const Graph graph = GraphFromText(
      "# by hand\nlinnet-graph 1\n\n x=input( )  # picture\nc = conv2d(x,kernel=3 "
      ",out_channels=4)\nreturn c");
  EXPECT_EQ(std::get<Conv2d>(graph.nodes[1].op).kernel, (Pair{3, 3}));
}

TEST(GraphText, ErrorsSayWhereAndWhat) {
  const std::string head = "linnet-graph 1\nx = input()\n";
  EXPECT_THAT(ErrorOf(""), HasSubstr("linnet-graph 1"));
  EXPECT_THAT(ErrorOf("hello"), HasSubstr("line 1: expected 'linnet-graph 1', found 'hello'"));
  EXPECT_THAT(ErrorOf(head + "y = conf2d(x)\nreturn y"),
              HasSubstr("line 3: unknown operation 'conf2d'"));
  EXPECT_THAT(ErrorOf(head + "y = conv2d(z)\nreturn y"), HasSubstr("'z' is not the name"));
  EXPECT_THAT(ErrorOf(head + "y = conv2d(x, kernl=3)\nreturn y"),
              HasSubstr("unknown field 'kernl'; there are out_"));
  EXPECT_THAT(ErrorOf(head + "y = conv2d(x, kernel=a)\nreturn y"), HasSubstr("kernel=a: expected"));
  EXPECT_THAT(ErrorOf(head + "y = pool(x, kind=mean)\nreturn y"), HasSubstr("one of max, average"));
  EXPECT_THAT(ErrorOf(head + "x = input()\nreturn x"), HasSubstr("two nodes called 'x'"));
  EXPECT_THAT(ErrorOf(head + "a b = input()\nreturn x"),
              AllOf(HasSubstr("line"), HasSubstr("'a b' is not a name")));
  EXPECT_THAT(ErrorOf(head + "name = flatten(x)\nreturn x"), HasSubstr("cannot be called 'name'"));
  EXPECT_THAT(ErrorOf("linnet-graph 1\nname one\nname two\nx = input()\nreturn x"),
              HasSubstr("a second name"));
  EXPECT_THAT(ErrorOf("linnet-graph 1\nx = input(height=8, height=9)\nreturn x"),
              HasSubstr("height is said twice"));
  EXPECT_THAT(ErrorOf(head + "y"), HasSubstr("expected 'name = operation"));
  EXPECT_THAT(ErrorOf(head), HasSubstr("expected a line 'return NAME'"));
}

// An auxiliary head is an output with the weight of its loss.
TEST(GraphText, AuxiliaryHeads) {
  const std::string head = "linnet-graph 1\nx = input()\nfc = flatten(x)\naux = flatten(x)\n";
  const std::string text = head + "return fc, aux*0.3\n";
  const Graph graph = GraphFromText(text);
  EXPECT_EQ(GraphToText(graph), text);
  ASSERT_EQ(graph.outputs.size(), 2u);
  EXPECT_EQ(graph.outputs[0].auxiliary, 0);
  EXPECT_EQ(graph.outputs[1].auxiliary, 0.3f);
  EXPECT_EQ(graph.outputs[1].value, 2);
  EXPECT_THAT(NeededByResults(graph), ElementsAre(true, true, false));
  EXPECT_EQ(GraphFromText(head + "return  aux * 1e-3 , fc").outputs[0].auxiliary, 1e-3f);

  for (const char* weight : {"aux*", "aux*0", "aux*-1", "aux*nan", "aux*much", "aux*0.3*2"}) {
    EXPECT_THAT(ErrorOf(head + "return fc, " + weight),
                AllOf(HasSubstr("line 5"), HasSubstr("expected NAME*WEIGHT")))
        << weight;
  }
  EXPECT_THAT(ErrorOf(head + "return fc, aox*0.3"), HasSubstr("'aox' is not the name"));
  // Nothing would be left to run.
  EXPECT_THAT(ErrorOf(head + "return aux*0.3"), HasSubstr("expected a line 'return NAME'"));
}

// LeNet-5's table of connections.
TEST(GraphText, Links) {
  const std::string head = "linnet-graph 1\nx = input()\n";
  const std::string text =
      head + "y = partial_conv2d(x, links=0+1+2;1;0+2, kernel=3,3)\nreturn y\n";
  const Graph graph = GraphFromText(text);
  EXPECT_EQ(GraphToText(graph), text);
  const Links& links = std::get<PartialConv2d>(graph.nodes[1].op).links;
  EXPECT_THAT(links.sources, ElementsAre(ElementsAre(0, 1, 2), ElementsAre(1), ElementsAre(0, 2)));

  for (const char* links_text : {"0+", "0;;1", "a", "0+b", "0 1", "0.5", ";"}) {
    EXPECT_THAT(ErrorOf(head + "y = partial_conv2d(x, links=" + links_text + ")\nreturn y"),
                HasSubstr("links="))
        << links_text;
  }
}

// Values that are not float32.
TEST(GraphText, Types) {
  const std::string head = "linnet-graph 1\nx = input()\n";
  const std::string text =
      head +
      "q = activation(x, kind=identity) : u8(scale=0.023529412, zero_point=128)\n"
      "y = activation(q, kind=identity)\nreturn y\n";
  const Graph graph = GraphFromText(text);
  EXPECT_EQ(GraphToText(graph), text);
  EXPECT_EQ(graph.nodes[1].type, ValueType::U8({0.023529412f, 128}));
  EXPECT_EQ(graph.nodes[2].type, ValueType{});
  EXPECT_TRUE(IsQuantized(graph));
  EXPECT_FALSE(
      graph ==
      GraphFromText(
          head + "q = activation(x, kind=identity)\ny = activation(q, kind=identity)\nreturn y\n"));
  // By hand.
  EXPECT_EQ(GraphFromText(head + "q = activation(x):u8( zero_point = 0 ,scale=1 ) # c\nreturn x")
                .nodes[1]
                .type,
            ValueType::U8({1, 0}));
  EXPECT_FALSE(IsQuantized(GraphFromText(head + "q = activation(x) : f32\nreturn q")));

  const auto error = [&](const std::string& type) {
    return ErrorOf(head + "q = activation(x) : " + type + "\nreturn x\n");
  };
  EXPECT_EQ(GraphFromText(head + "q = activation(x) : bf16\nreturn x").nodes.back().type,
            ValueType::BF16());
  for (const char* type : {"", "u8", "u9(scale=1)", "u8(scale=1, zero_point=0", "i8(scale=1)"}) {
    EXPECT_THAT(error(type), AllOf(HasSubstr("line 3"), HasSubstr("expected the type"))) << type;
  }
  for (const char* scale : {"0", "-1", "nan", "inf", "1e-30", "1e30"}) {
    EXPECT_THAT(error(std::string("u8(zero_point=3, scale=") + scale + ")"),
                AllOf(HasSubstr("line 3"), HasSubstr("scale="), HasSubstr("expected a number")))
        << scale;
  }
  EXPECT_THAT(error("u8(zero_point=3)"), HasSubstr("scale=0"));
  EXPECT_THAT(error("u8(scale=1, zero_point=256)"), HasSubstr("zero_point=256: expected 0 to 255"));
  EXPECT_THAT(error("u8(scale=1, zero_point=-1)"), HasSubstr("zero_point=-1"));
  EXPECT_THAT(error("u8(scale=1, zero_point=0.5)"), HasSubstr("expected an integer"));
  EXPECT_THAT(error("u8(scale=1, axis=3)"), HasSubstr("unknown field 'axis'"));
  EXPECT_THAT(error("u8(1, 2)"), HasSubstr("expected scale=S"));
}

TEST(Graph, EmitTakesOnlyNamesThatReadBack) {
  Graph graph;
  for (const char* name : {"", "a b", "x=1", "name", "return"}) {
    EXPECT_THROW(graph.Emit(name, Input{}), Error) << name;
  }
  graph.Emit("names", Input{});
}

TEST(Graph, EmitChecksItsInputs) {
  Graph graph;
  const Value x = graph.Emit("x", Input{});
  EXPECT_THROW(graph.Emit("x", Act{}, {x}), Error);
  EXPECT_THROW(graph.Emit("a b", Act{}, {x}), Error);
  EXPECT_THROW(graph.Emit("y", Act{}, {1}), Error);
  graph.Emit("y", Act{}, {x});
  EXPECT_EQ(Users(graph)[x], std::vector<int>{1});
}

}  // namespace
}  // namespace linnet
