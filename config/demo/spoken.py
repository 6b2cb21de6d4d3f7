"""What is said and noted in the demo: calls, talks at the door, notes. Placeholders: guardian, child, day."""

ANSWERED = (
    "Would like {child} in Tuesday robotics from January. Asked about the cost of materials; I will ask Priya.",
    "Fees will be paid on {day}, in two parts. No need to remind again.",
    "Confirmed the museum trip, will bring the form by hand.",
    "{child} has been ill, back next week. Please send the reading list.",
    "Happy with pottery, less so with the early start. Passed on to Priya.",
    "Can help in the kitchen every other {day}.",
    "Talked about exams as a private candidate: maths and biology next summer.",
    "Asked for a lift from Easton; I will put the two families in touch.",
    "Changed the emergency contact: grandmother, number is on the card.",
    "{child} finds the hall too loud. Agreed on a quiet corner and ear defenders.",
    "New job, can only come on Tuesdays now. Would like to keep the place in choir.",
    "Short call: all is well, will come to park day.",
    "Did not know that the letter comes by email; asked to be rung instead.",
    "Sibling discount explained. {guardian} is pleased.",
    "Wants to stop drumming at the end of the month, no complaint.",
    "Thinks about pausing in spring because of a move. To be asked again in a month.",
)
VOICEMAILS = (
    "Left a message about the form, asked to ring back.",
    "Voicemail: place in robotics is free until {day}.",
    "Left a short message, said it is nothing urgent.",
)
INCOMING = (
    "{child} will be late today, dentist.",
    "Asked whether the hall has step-free access. Yes, by the side door.",
    "Rang about the invoice: materials were charged twice. Corrected at once.",
    "Lost the portal password; reset together on the phone.",
    "Wanted to know how exams work. Sent to Priya.",
    "Offered a box of science kits. Gladly taken.",
)
TALKS: dict[str, tuple[str, ...]] = {
    "concern": (
        "{child} feels left out at break. We will pair up for the next two weeks and talk again.",
        "Worried that the road by the hall is not safe at pick-up. Asked for a second person at the gate.",
        "The maths group moves too fast for {child}. Priya will try the smaller group.",
        "Says that letters come too often. Would like one a week at most.",
    ),
    "feedback": (
        "Forest school is the best hour of the week, says {child}.",
        "Likes the new timetable, the later start helps a lot.",
        "The museum day was long for the little ones; shorter next time, please.",
        "Thanks to Nora for the help with the forms.",
    ),
    "question": (
        "Asked how a second child could join half-way through the term.",
        "Would like to know which exam boards we use.",
        "Asked whether grandparents may help in the kitchen.",
        "Is there a group for teenagers on Fridays? Not yet; noted.",
    ),
    "other": (
        "Brought back three library books and a tray of samosas.",
        "Will lend us the gazebo for the fair.",
    ),
}
NOTES = (
    "Prefers to be rung after 16:00.",
    "Grandmother picks up on Thursdays; she is on the list at the door.",
    "{child} is allergic to nuts. Card is in the kitchen.",
    "Shares a car, so Tuesdays only when the other family can drive.",
    "Reads the portal rather than email, tell them there.",
    "{guardian} offered to run a workshop on bees in spring.",
    "Waiting for an answer about the bursary, Priya looks after it.",
    "Please write short messages, English is a third language at home.",
    "Works nights; no calls before noon.",
)
REASONS = (
    "Fees for this term are open",
    "Left a voicemail, ring back",
    "Place in robotics: do they still want it?",
    "Museum trip: form is missing",
    "Kitchen rota: could they take a day?",
)
REASONS_BY_TAG = {
    "New this year": "Welcome call to a new family",
    "Exam candidates": "Exam dates to be confirmed",
    "Bursary": "Bursary: talk through the form",
}
BOUNCED = "Email bounces: new address?"
