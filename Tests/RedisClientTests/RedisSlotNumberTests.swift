import TestNeeds
import Testing

@testable import RedisClient

/// Numbers that stand for slots, where a key can't be put into braces.
@Suite("slots: numbers that hash to them", .tags(.pure))
struct RedisSlotNumberTests {
    @Test("each slot has the smallest number whose digits hash to it")
    func numbers() {
        var smallest: [Int: Int] = [:]
        for number in 0..<2_000 where smallest[RedisSlot.of("\(number)")] == nil {
            smallest[RedisSlot.of("\(number)")] = number
        }
        for slot in 0..<RedisSlot.count {
            let number = RedisSlot.number(hashingTo: slot)
            #expect(RedisSlot.of("\(number)") == slot)
            #expect(smallest[slot] == nil ? number >= 2_000 : number == smallest[slot])
        }
    }
}
