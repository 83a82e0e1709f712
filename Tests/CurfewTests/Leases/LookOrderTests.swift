import TestNeeds
import Testing

@testable import Curfew

@Suite("who looks first", .tags(.pure))
struct LookOrderTests {
    private func orders(_ count: Int) -> [LookOrder] {
        (0..<count).map { LookOrder(instance: "web-\($0)-4711", mates: count) }
    }

    @Test("whoever is alone looks at once")
    func alone() {
        #expect(LookOrder(instance: "one", mates: 1).delay(for: "jobs") == .zero)
        #expect(LookOrder(instance: "one", mates: 0).delay(for: "jobs") == .zero)
    }

    @Test(
        "in a small fleet everyone looks, one after the other, and within a tenth of a second",
        arguments: [2, 10, 40, 64])
    func small(count: Int) {
        for cleanup in ["jobs", "locks", "files"] {
            let delays = orders(count).compactMap { $0.delay(for: cleanup) }
            #expect(delays.count == count)
            #expect(delays.allSatisfy { $0 >= .zero && $0 < .milliseconds(100) })
            // Chance may give two the same place, but not everyone.
            #expect(Set(delays).count > count / 3)
        }
    }

    @Test("about as many are chosen in each draw, others in each")
    func chosen() {
        func chosen(_ cleanup: String, _ draw: Int) -> Set<String> {
            Set(orders(400).filter { $0.isAmong(16, for: cleanup, draw: draw) }.map(\.instance))
        }
        for number in 0..<50 {
            let draws = (0..<3).map { chosen("cleanup-\(number)", $0) }
            #expect(draws.allSatisfy { (3...40).contains($0.count) }, "\(draws.map(\.count))")
            #expect(draws[0].intersection(draws[1]).count < 8 && draws[1] != draws[2])
        }
        #expect(orders(16).allSatisfy { $0.isAmong(16, for: "jobs", draw: 7) })
    }

    @Test("in a large fleet a few look at one cleanup, and as many more as there is work for")
    func large() {
        let orders = orders(1_000)
        for number in 0..<20 {
            let looking = orders.compactMap { $0.delay(for: "cleanup-\(number)") }
            #expect((4...40).contains(looking.count), "\(looking.count)")
            #expect((looking.min() ?? .seconds(1)) < .milliseconds(150))
        }
        #expect(orders.allSatisfy { $0.delay(for: "jobs", together: 4_000, places: 4) != nil })
    }

    @Test("what a dead holder has left is looked at by all of a fleet, however large, within half a second")
    func takeOver() {
        let delays = orders(1_000).compactMap { $0.delay(for: "jobs", isTakeOver: true) }
        #expect(delays.count == 1_000)
        #expect(delays.allSatisfy { $0 <= .milliseconds(500) })
    }

    @Test("each cleanup has an order of its own, so that nobody is always the first")
    func shared() {
        let orders = orders(10)
        let firsts = (0..<200).map { number in
            orders.enumerated().min { $0.element.place(for: "c\(number)") < $1.element.place(for: "c\(number)") }?
                .offset
        }
        #expect(Set(firsts).count == 10)
    }

    @Test("instances that were started at once beat at different times")
    func phases() {
        let phases = orders(100).map(\.phase)
        #expect(phases.allSatisfy { (0.1...1).contains($0) })
        #expect(Set(phases.map { Int($0 * 10) }).count >= 8)
    }
}
