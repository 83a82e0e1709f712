import Curfew
import TestNeeds
import Testing

@Suite("the version", .tags(.pure))
struct VersionTests {
    @Test("the version is three numbers")
    func form() {
        let parts = CurfewVersion.current.split(separator: ".").map { Int($0) }
        #expect(parts.count == 3 && parts.allSatisfy { $0 != nil })
    }
}
