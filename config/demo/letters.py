"""What is written in the demo: emails, texts, chat and portal messages. Placeholders: guardian, child, day, hour."""

NEWSLETTERS: tuple[tuple[str, str], ...] = (
    (
        "This week at Riverbend",
        "Tuesday group meets in the library, forest school at Leigh Woods, and we need two more cake bakers.",
    ),
    (
        "Friday letter: what the children made",
        "The kiln worked! Photographs of the pots, next week’s rota and a lost blue wellington.",
    ),
    (
        "Timetable for next month",
        "Robotics moves to 10:30, choir stays on Thursdays. The whole timetable is in the portal.",
    ),
    (
        "Half-term: what is on and what is not",
        "No sessions Monday to Friday. The library table stays open for anyone who wants company.",
    ),
    (
        "A quiet week, and a loud one",
        "Museum study day on Wednesday, drumming on Friday. Bring ear defenders if your child likes them.",
    ),
    ("New faces and old friends", "Five families joined us this month. Come and say hello at park day."),
    (
        "Library table: new books",
        "Thirty new books from the swap, most of them on volcanoes. Borrow two at a time, please.",
    ),
    (
        "What we learned from your answers",
        "Forty-one families answered. You asked for shorter letters and later starts; here is what changes.",
    ),
    ("Science fair: tables are open", "Choose a table in the portal. Anything goes, as long as it can be mopped up."),
    (
        "Kitchen rota and a thank-you",
        "Thank you to everyone who cooked. Three gaps are left next month, soup is always welcome.",
    ),
    ("Swimming is back", "Wednesdays at the Bristol South pool, 13:00 to 14:00. Grown-ups are needed in the water."),
    ("Choir wants altos, robotics wants batteries", "Two small requests, and the dates for the term’s last concert."),
    ("Coats, hats, mud", "Forest school goes on in any weather but wind. Please name everything that can come off."),
    ("Park day moves to St George", "The grass needs a rest, so we meet by the pond until the end of the month."),
    (
        "Exams as a private candidate",
        "How booking works, what it costs and whom to ask. Priya answers questions on Thursdays.",
    ),
    ("The history walk, and where to park", "We meet at Castle Park at ten. Buses 76 and 6 stop close by."),
)

FEES: tuple[tuple[str, str], ...] = (
    (
        "Fees for this term",
        "Dear {guardian}, this term’s fees are in the portal. Payment in two parts is fine, just tell us.",
    ),
    (
        "A reminder: fees are due on {day}",
        "Dear {guardian}, this is only a nudge. If something is wrong with the invoice, please write back.",
    ),
    (
        "Materials fee for pottery",
        "Dear {guardian}, {child} is down for pottery, so £12 for clay and glaze is on this invoice.",
    ),
    ("Your receipt", "Dear {guardian}, thank you, your payment arrived. The receipt is attached and in the portal."),
    (
        "Sibling discount on your account",
        "Dear {guardian}, the second child’s place is now 15 % less. The new sum is in the portal.",
    ),
    (
        "Fees: one part is still open",
        "Dear {guardian}, the second part has not reached us yet. Ring us if this month is difficult.",
    ),
)

PERSONAL: tuple[tuple[str, str], ...] = (
    (
        "A place for {child} in Tuesday robotics",
        "Dear {guardian}, a place has come free from next month. Shall I keep it for {child}?",
    ),
    ("{child} and the reading group", "Dear {guardian}, {child} was a joy today and asked for the next book already."),
    (
        "Museum trip: your form is missing",
        "Dear {guardian}, could you fill in the form for {child} before {day}? It takes two minutes.",
    ),
    (
        "Lift share on Tuesdays",
        "Dear {guardian}, another family from your side of town looks for a lift. May I pass on your address?",
    ),
    ("Volunteering in the kitchen", "Dear {guardian}, you offered to help. Would {day} suit you, from ten until one?"),
    (
        "Exam centre: dates for {child}",
        "Dear {guardian}, the centre has confirmed the dates. Please check the spelling of the name.",
    ),
    (
        "Changed room for choir",
        "Dear {guardian}, choir is upstairs on {day}. If the stairs are difficult, tell me and we stay below.",
    ),
    (
        "Your question about the timetable",
        "Dear {guardian}, you are right, the two groups overlap. We have moved pottery by half an hour.",
    ),
    ("{child}’s science project", "Dear {guardian}, the volcano is a splendid idea. Please bring a tray."),
    ("Allergy list", "Dear {guardian}, please look over what we hold for {child} and correct what has changed."),
)

LINKS = (
    "https://portal.riverbend.example/timetable",
    "https://portal.riverbend.example/fees",
    "https://portal.riverbend.example/events",
    "https://portal.riverbend.example/forms/museum",
    "https://portal.riverbend.example/library",
)

EMAIL_ANSWERS = (
    "Thank you, {day} is fine for us.",
    "Yes please, keep the place for {child}.",
    "Could we pay the second half at the end of the month?",
    "We are away that week, sorry. {child} would love to come next time.",
    "The form is attached. Please shout if anything is missing.",
    "That is kind, thank you. {child} has talked of nothing else.",
    "Not this term, but please ask us again.",
    "I cannot open the link on my phone, could you send the times?",
)

EMAIL_QUESTIONS: tuple[tuple[str, str], ...] = (
    ("Question about half-term", "Is the library table open on Wednesday? {child} would like to come with a friend."),
    ("{child} is unwell", "We stay at home today and hope to be back on {day}."),
    ("Moving house", "We move at the end of the month. The new address follows; the numbers stay the same."),
    ("Exam as a private candidate", "Whom do I ask about maths for {child}? The deadline is close, I believe."),
    ("Invoice", "The invoice shows materials twice. Could you have a look?"),
    ("Thank you", "Just to say that forest school was wonderful. {child} slept for eleven hours."),
)

TEXTS = (
    "Riverbend: Tuesday group starts at 10:30 tomorrow, not 10:00.",
    "Riverbend: {child} left a blue jumper at the library. It is on the peg.",
    "Riverbend: forest school is off today because of the wind. Indoor games at the hall instead.",
    "Riverbend: the fees for this term are due on {day}. Details in the portal.",
    "Riverbend: one place left in pottery on {day}. Reply YES to take it.",
    "Riverbend: could you bring the big pot on {day}? Thank you!",
    "Riverbend: choir is upstairs today.",
    "Riverbend: park day moves to St George Park, by the pond, from 13:00.",
    "Riverbend: {child}’s form for the museum trip is missing. We need it by {day}.",
    "Riverbend: swimming ends at 13:45 today, please be at the door.",
)
REMINDERS = (
    "Riverbend: {event} tomorrow from {hour}. Reply C if you cannot come.",
    "Riverbend: see you tomorrow at {event}, {hour}. Please bring a cup.",
)
TEXT_ANSWERS = (
    "Ok thanks!",
    "We’ll be there. Shall I bring the big pot?",
    "YES please",
    "C, sorry, {child} has a cold",
    "Running ten minutes late",
    "Thank you, will pick it up tomorrow",
    "Can {child} come with a friend?",
    "Sent the form just now",
    "👍",
    "Yes, {guardian}",
)
TEXT_QUESTIONS = (
    "Hi, is group on today?",
    "{child} is poorly, we stay home today.",
    "Which room is choir in?",
    "What time is pick-up from the museum?",
    "Bus is late, back about twenty past.",
)

CHATS = (
    "Hello {guardian}, could {child} share a lift on Tuesday? The other family leaves from Easton.",
    "Here is the photo of {child}’s robot. It really walks!",
    "The kitchen is one short on {day}, could you help for an hour?",
    "Quick question: is {child} still coming to drumming?",
    "Leigh Woods car park is closed, we meet at the lodge instead.",
    "Thank you for the cake, nothing is left of it.",
)
CHAT_ANSWERS = (
    "Happy to take two more children from Easton.",
    "Yes, {day} works for me.",
    "Haha, wonderful. Thank you!",
    "Sorry, we are away until {day}.",
    "Of course, see you then.",
    "Can I tell you tomorrow?",
)
CHAT_QUESTIONS = (
    "Is there a lift from Bedminster on Tuesdays?",
    "{child} forgot the violin, is it in the hall?",
    "Do you still need cake for {day}?",
)

NOTICES: tuple[tuple[str, str], ...] = (
    ("Your timetable is ready", "The times for {child} are set for the coming month."),
    ("Invoice for this term", "You can pay in one or two parts."),
    ("Photos from forest school", "Twenty-four pictures, only seen by families who were there."),
    ("Form: museum trip", "Please fill it in before {day}."),
    ("New in the library", "Two books that {child} asked for are back."),
    ("Your place at the science fair", "Table 7, next to the window. Setting up from nine."),
)

PAGES = (
    ("/timetable", "Timetable"),
    ("/fees", "Fees"),
    ("/events", "Events"),
    ("/groups/robotics", "Tuesday robotics"),
    ("/groups/pottery", "Pottery"),
    ("/library", "Library"),
    ("/volunteering", "Volunteering"),
    ("/forms", "Forms"),
    ("/messages", "Messages"),
    ("/account", "Account"),
)
DOCUMENTS = (
    "Timetable.pdf",
    "Invoice.pdf",
    "Receipt.pdf",
    "Risk assessment, forest school.pdf",
    "Reading list.pdf",
    "Exam guide for private candidates.pdf",
    "Consent form, museum.pdf",
)
