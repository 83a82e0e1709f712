import Policies
import TestNeeds
import TestSupport
import Testing

@Suite("Texts from pieces", .tags(.pure))
struct StringPiecesTests {
    @Test(
        "the pieces come one after the other, whatever their length",
        arguments: [
            [], [""], ["a"], ["job:", "00000012"], ["user:", "é€😀", ":tokens"], ["", "x", ""],
            ["exactly ", "fifteen"], ["one more", " than it"],
            [String(repeating: "long ", count: 100), "and ", String(repeating: "longer", count: 1_000)],
        ] as [[String]])
    func pieces(pieces: [String]) {
        #expect(String(pieces: pieces) == pieces.joined())
    }
}
