"""Names of made-up people, grouped by origin so that a first name fits its surname."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Origin:
    """Surnames of one origin and the first names that go with them."""

    surnames: tuple[str, ...]
    women: tuple[str, ...]
    men: tuple[str, ...]
    language: str = "en"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _origin(surnames: str, women: str, men: str, language: str = "en") -> Origin:
    return Origin(_words(surnames), _words(women), _words(men), language)


ORIGINS: tuple[Origin, ...] = (
    _origin(
        "Abbott Barlow Bennett Bradshaw Carver Chadwick Dawson Ellison Fairfax Garside Hartley Ingham Kershaw Lockwood "
        "Marsden Naylor Oldroyd Pickering Redfern Stanhope Thackray Underwood Whitaker Yardley Ashdown Brookes Colley",
        "Alice Beth Charlotte Daisy Emily Florence Grace Hannah Imogen Jess Lucy Martha Poppy Rosie",
        "Adam Ben Callum Daniel Edward Finn George Harry Isaac Jack Lewis Matthew Oliver Toby",
    ),
    _origin(
        "Bevan Cadwallader Griffiths Llewellyn Morgan Pritchard Rhys Tudor Vaughan Gethin",
        "Bronwen Carys Eleri Ffion Gwen Megan Nia Seren",
        "Aled Dylan Emrys Gareth Huw Iwan Owain Rhodri",
    ),
    _origin(
        "Brennan Callaghan Delaney Fitzgerald Gallagher Hennessy Kavanagh Lynch Moriarty O’Sullivan Quinlan Rafferty",
        "Aoife Bríd Ciara Deirdre Eimear Maeve Niamh Orla Sinéad",
        "Brendan Cillian Declan Eoin Fergus Liam Niall Padraig Ronan",
    ),
    _origin(
        "Buchanan Cameron Drummond Farquhar Galbraith Kinnear MacLeod McAllister Ogilvie Sinclair",
        "Ailsa Catriona Eilidh Fiona Isla Kirsty Mhairi Morag",
        "Alasdair Angus Calum Euan Fraser Gregor Hamish Rory",
    ),
    _origin(
        "Aguilar Benítez Castillo Domínguez Espinoza Fuentes Guerrero Herrera Ibarra Mendoza Navarro Ortega Quiroga",
        "Ana Beatriz Carmen Elena Inés Lucía Marisol Paula Rosa Sofía Valeria",
        "Andrés Carlos David Diego Javier Luis Mateo Pablo Rafael Tomás",
        "es",
    ),
    _origin(
        "Almeida Barros Carvalho Esteves Ferreira Gouveia Leitão Moreira Pacheco Teixeira",
        "Beatriz Catarina Inês Joana Leonor Mariana Rita Teresa",
        "António Bruno Duarte Gonçalo João Miguel Nuno Tiago",
        "pt",
    ),
    _origin(
        "Adeyemi Adichie Balogun Chukwu Danjuma Ekwueme Eze Ibekwe Nwosu Obi Ogunleye Okonkwo Onyeka Uzoma",
        "Adaeze Amara Bisi Chidinma Funke Ifeoma Ngozi Temi Yetunde Zainab",
        "Ade Chike Emeka Femi Ikenna Kunle Obinna Segun Tunde Uche",
    ),
    _origin(
        "Agyeman Asante Boateng Darko Mensah Ofori Owusu Sarpong Tetteh",
        "Abena Adwoa Akosua Ama Efua Esi Yaa",
        "Ebo Kofi Kojo Kwabena Kwame Kwesi Yaw",
    ),
    _origin(
        "Černý Dvořák Horák Kučera Marek Němec Procházka Svoboda Veselý Zeman",
        "Alena Eva Hana Ivana Jana Lenka Markéta Petra Zuzana",
        "Jakub Jan Karel Lukáš Marek Ondřej Pavel Tomáš",
        "cs",
    ),
    _origin(
        "Adamczyk Bielak Dudek Gajda Kaczmarek Lis Mazur Nowicki Pawlak Sikora Wrona Zając",
        "Agnieszka Ewa Joanna Kasia Magda Monika Ola Zofia",
        "Adam Bartek Jacek Kuba Maciej Marcin Piotr Tomek",
        "pl",
    ),
    _origin(
        "Abboud Aziz Bishara Darwish Farah Hamdan Khoury Mansour Nasser Rahal Saleh Shaheen Zaher",
        "Amal Dana Hala Layla Mariam Nour Rania Salma Yasmin",
        "Ahmad Bassam Fadi Hadi Karim Omar Samir Tarek Yusuf",
        "ar",
    ),
    _origin(
        "Ahlgren Bergström Ekholm Forsberg Hedlund Lundqvist Nyman Sandberg Söderberg Wallin Dahl Hagen Nygaard",
        "Astrid Elsa Freja Ida Ingrid Karin Linnea Maja Signe",
        "Anders Axel Erik Gustav Henrik Lars Magnus Nils Oskar",
        "sv",
    ),
    _origin(
        "Albrecht Böhm Engel Fuchs Graf Hartmann Keller Lorenz Pfeiffer Richter Sommer Vogel Ziegler",
        "Anna Clara Frieda Greta Heike Johanna Lena Marlene Sabine",
        "Emil Felix Jonas Konrad Leo Moritz Paul Stefan Till",
        "de",
    ),
    _origin(
        "Agarwal Banerjee Chauhan Desai Gupta Iyer Joshi Kapoor Mehta Nair Patel Rao Sharma Trivedi Venkatesan",
        "Aditi Anjali Deepa Kavita Leela Meera Nisha Pooja Riya Sunita",
        "Arjun Dev Hari Kiran Manoj Nikhil Rahul Rohan Sanjay Vikram",
    ),
    _origin(
        "Ahmed Baig Chaudhry Hussain Iqbal Khan Malik Mirza Qureshi Rashid Siddiqui Tariq",
        "Aisha Bushra Fatima Hina Mehreen Nadia Sana Zara",
        "Adeel Bilal Faisal Hamza Imran Kamran Saad Usman",
    ),
    _origin(
        "Begum Chowdhury Haque Islam Miah Rahman Sarkar Uddin",
        "Farhana Nasrin Rumana Shirin Tahmina Tasnim",
        "Arif Jamal Mahbub Nazrul Rafiq Shahid",
        "bn",
    ),
    _origin(
        "Chan Chen Ding Fong Gao Huang Lam Leung Lin Ng Tang Wong Xu Yip Zhao",
        "Hui Jia Jing Lan Lili Mei Ning Wen Xin Ying",
        "Bo Feng Hao Jun Kai Lei Ming Tao Wei Yi",
        "zh",
    ),
    _origin(
        "Bui Dang Do Hoang Le Nguyen Pham Tran Truong Vo",
        "Chi Hoa Huong Lan Linh Mai Thao Trang",
        "An Duc Hung Khanh Long Minh Quang Tuan",
        "vi",
    ),
    _origin(
        "Baptiste Beauchamp Clément Deschamps Fontaine Girard Lambert Moreau Rousseau Tremblay",
        "Amélie Camille Chloé Elise Juliette Manon Margaux Sylvie",
        "Antoine Baptiste Étienne Hugo Julien Luc Mathis Olivier",
        "fr",
    ),
    _origin(
        "Barbieri Caruso De~Luca Esposito Ferrari Galli Lombardi Marchetti Ricci Romano",
        "Alessia Bianca Chiara Federica Giulia Ilaria Martina Silvia",
        "Alessandro Davide Enrico Giorgio Lorenzo Marco Pietro Stefano",
        "it",
    ),
    _origin(
        "Alexiou Christou Demetriou Economou Georgiou Kallis Makris Nikolaou Stavrou Vasiliou",
        "Anthi Despina Eleni Irini Katerina Thea Vasiliki Zoe",
        "Alekos Costas Dimitris Giorgos Nikos Petros Stelios Yannis",
        "el",
    ),
    _origin(
        "Aydın Çelik Demir Kaplan Kaya Öztürk Polat Şahin Yıldız",
        "Ayşe Defne Elif Gül Leyla Selin Zeynep",
        "Ali Can Emre Kerem Mehmet Murat Onur",
        "tr",
    ),
    _origin(
        "Bondar Hrytsenko Koval Lysenko Melnyk Petrenko Savchenko Tkachenko",
        "Daryna Iryna Kateryna Larysa Oksana Olena Yuliia",
        "Andrii Bohdan Danylo Maksym Oleh Taras Yurii",
        "uk",
    ),
    _origin(
        "Abdi Farole Guled Hersi Jama Samatar Warsame Tesfaye Haile Bekele",
        "Amina Asha Hodan Ifrah Ladan Sahra Selam",
        "Abdullahi Dawit Guled Liban Mahad Yonas Zakariye",
    ),
    _origin(
        "Beckford Campbell-Reid Dacosta Francis Gayle Henriques Lindo Pinnock Samuels Whyte",
        "Alicia Denise Janelle Kerry-Ann Marcia Nadine Tanisha",
        "Andre Delroy Errol Jermaine Leroy Marlon Winston",
    ),
)  # fmt: skip

CHILDREN = _words(
    "Ada Aiden Alba Alfie Amir Anya Arlo Asha Ava Cleo Dara Eden Elias Ellie Ezra Freya Gabriel Hana Ibrahim Ines "
    "Isla Ivy Jonah Juno Kaia Kit Leila Leo Lila Luca Maya Mila Milo Nadia Nico Noah Noor Otis Rafi Remy Robin "
    "Rowan Sami Sasha Stella Tariq Theo Tilda Uma Vera Willa Xavi Yara Zac Zadie"
)


@dataclass(frozen=True, slots=True)
class Surname:
    """What a family is called, and where the name comes from."""

    name: str
    origin: Origin


def draw_surnames(rng: Random, count: int) -> list[Surname]:
    """Surnames for so many families: each name once before any comes again, some of them doubled."""
    singles = [Surname(name.replace("~", " "), origin) for origin in ORIGINS for name in origin.surnames]
    rng.shuffle(singles)
    drawn = []
    for index in range(count):
        first = singles[index % len(singles)]
        other = singles[rng.randrange(len(singles))]
        doubled = rng.random() < (0.1 if index < len(singles) else 0.6) and other is not first
        drawn.append(Surname(f"{first.name}-{other.name}", first.origin) if doubled else first)
    return drawn
